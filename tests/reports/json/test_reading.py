"""Reports read back from their JSON."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from time import process_time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnnaudit.core.errors import UsageError
from bnnaudit.core.image_rows import ImageRow
from bnnaudit.core.report import Report
from bnnaudit.reports.documents import Audited
from bnnaudit.reports.formats import ReportFormat, render
from bnnaudit.reports.json.audit import report_to_json
from bnnaudit.reports.json.parts import json_text
from bnnaudit.reports.json.reading import read_document, round_trip
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page
from tests.reports.json.generated import field_of_a_report

PAGE = Page(80)
NAMES = (
    "fake",
    "honest",
    "attack",
    "detailed",
    "undecided",
    "claim-not-met",
    "straddled",
    "compared",
    "hostile",
    "suite",
    "failure",
)


def test_every_document_is_tested(runs: dict[str, Audited]) -> None:
    assert set(NAMES) == set(runs)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_is_written_alike(runs: dict[str, Audited], name: str) -> None:
    text = write_json(runs[name], PAGE)
    assert write_json(read_document(text, "report.json"), PAGE) == text


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("fake", "compared", "hostile", "suite")])
def test_what_is_read_is_what_was_written(runs: dict[str, Audited], name: str) -> None:
    """But for NaN and infinity, which JSON has no words for, and for what is not Unicode."""
    assert round_trip(runs[name]) == runs[name]


def test_numbers_that_are_not_finite_are_the_only_difference(fake: Report) -> None:
    read = round_trip(fake)
    assert str(read.findings).replace("nan", "inf") == str(fake.findings).replace("nan", "inf")
    assert replace(read, findings=()) == replace(fake, findings=())


@pytest.mark.parametrize("name", [field.name for field in fields(Report)])
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_field_comes_back_whatever_it_holds(fake: Report, name: str, data: st.DataObject) -> None:
    report = replace(fake, **{"findings": (), name: data.draw(field_of_a_report(name))})
    assert round_trip(report) == report


def test_a_table_of_fifty_thousand_images(honest: Report) -> None:
    """Two hundred bytes a row with its digest and name, one line each; 10.0 MB, written in 0.5 s and read in 0.3 s."""
    name, digest = "class_0001/img_00000001.JPEG", "0123456789abcdef" * 4
    row = ImageRow(0, name, digest, 1, 1, True, True, False, 2, "pgd++", -0.123456789012345, 0.0312345678901234)
    report = replace(honest, images=tuple(replace(row, index=index) for index in range(50_000)))
    start = process_time()
    text = write_json(report, PAGE)
    assert read_document(text, "report.json") == report
    assert process_time() - start < 20
    assert len(text) < 12e6
    assert sum(digest in line for line in text.splitlines()) == 50_000


def test_names_of_a_mebibyte_come_back(enormous: Report) -> None:
    read = round_trip(enormous)
    assert read.model.path == enormous.model.path.replace("\ud800", "?").replace("\udcff", "?")
    assert write_json(read, PAGE) == write_json(enormous, PAGE)


def test_rules_are_those_of_the_document(fake: Report) -> None:
    rule = replace(fake.findings[0].rule, code="GM999", name="of-another-version", meaning="Another text.")
    report = replace(fake, findings=(replace(fake.findings[0], rule=rule),))
    assert round_trip(report).findings[0].rule == rule


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("format", ReportFormat)
@pytest.mark.parametrize("page", [Page(80), Page(120, verbose=True)], ids=["plain", "verbose"])
def test_a_format_made_later_is_the_same_to_the_byte(
    runs: dict[str, Audited], name: str, format: ReportFormat, page: Page
) -> None:
    """What `check` writes is made of the round trip, what `render` writes of the JSON file."""
    try:
        now = render(round_trip(runs[name]), format, page)
    except UsageError as refusal:
        with pytest.raises(UsageError, match="^" + str(refusal)[:10]):
            render(read_document(write_json(runs[name], PAGE), "report.json"), format, page)
        return
    assert render(read_document(write_json(runs[name], PAGE), "report.json"), format, page) == now


def test_keys_that_earlier_versions_did_not_write_have_their_defaults(compared: Report) -> None:
    document = json.loads(json_text(report_to_json(compared)))
    for key in ("seed", "baseline"):
        del document[key]
    for criterion in document["gate"]["criteria"]:
        del criterion["more_images"]
    del document["data"]["classes"]
    read = read_document(json.dumps(document), "audit.json")
    assert isinstance(read, Report)
    assert (read.seed, read.baseline, read.data.classes) == (None, None, ())
    assert read.gate is not None
    assert {criterion.more_images for criterion in read.gate.criteria} == {None}
    assert [each.message for each in read.findings] == [each.message for each in compared.findings]
