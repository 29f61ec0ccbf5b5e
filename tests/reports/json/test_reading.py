"""Reports read back from their JSON."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnnaudit.core.report import Report
from bnnaudit.reports.documents import Audited
from bnnaudit.reports.json.reading import read_document, round_trip
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page

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
    assert str(read.findings[2].measurements).replace("nan", "inf") == str(fake.findings[2].measurements).replace(
        "nan", "inf"
    )
    assert replace(read, findings=()) == replace(fake, findings=())


def test_every_name_is_tested(runs: dict[str, Audited]) -> None:
    assert set(NAMES) == set(runs)
