"""Reports read back from their JSON."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnnaudit.core.errors import UsageError
from bnnaudit.core.report import Report
from bnnaudit.reports.documents import Audited
from bnnaudit.reports.formats import ReportFormat, render
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
