"""Whole texts, word for word, so that a change of one is seen as a reader sees it.

`BNNAUDIT_REWRITE_GOLDEN=1 python -m pytest tests/reports/test_golden.py` writes them anew; look at the difference before it is
committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.formats import ReportFormat, render
from bnnaudit.reports.page import Page

FOLDER = Path(__file__).parent / "golden"
FORMATS = {ReportFormat.TERMINAL: "txt", ReportFormat.MARKDOWN: "md", ReportFormat.GITHUB: "github.txt"}
NAMES = ("fake", "honest", "claim-not-met", "straddled", "compared", "undecided", "attack", "suite", "failure")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_the_text_is_the_one_that_was_looked_at(
    runs: dict[str, Report | Suite | Failure], name: str, format: ReportFormat
) -> None:
    path = FOLDER / f"{name}.{FORMATS[format]}"
    text = render(runs[name], format, Page(80))
    if os.environ.get("BNNAUDIT_REWRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_no_text_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.{end}" for name in NAMES for end in FORMATS.values()}
