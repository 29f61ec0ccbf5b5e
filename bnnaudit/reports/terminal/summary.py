"""The first ten lines about an audited model, before everything else or by themselves."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.core.report import Report, Status
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.drawing import draw
from bnnaudit.reports.terminal.last_line import last_line
from bnnaudit.reports.terminal.suite import failure_parts, suite_parts
from bnnaudit.reports.terminal.summary_rows import LINES, VERDICT, drawn, fitting_rows, summary_rows
from bnnaudit.reports.terminal.typesetting import Parts

_FIRST = 9
_SAID_BY_LAST_LINE = (Status.FAKE, Status.NOT_ROBUST, Status.CLAIM_NOT_MET)
"""Statuses of which the last line says as much as the row."""


def write_summary(document: Report | Suite | Failure, page: Page) -> str:
    """The ten lines by themselves, the last of them the one for a log: for the terminal while the report goes to a file."""
    match document:
        case Report():
            return draw([*_above_last_line(document, page), last_line(document, page)], page)
        case Suite():
            return draw(suite_parts(document, replace(page, verbose=False)), page)
        case Failure():
            return draw(failure_parts(document, page), page)


def _above_last_line(report: Report, page: Page) -> Parts:
    """What the last line says of the model goes first where there is no room for both."""
    repeated = report.verdict is not None and report.verdict.status in _SAID_BY_LAST_LINE
    rows = [
        replace(row, spare=_FIRST) if repeated and row.label == VERDICT else row for row in summary_rows(report, page)
    ]
    return drawn(fitting_rows(rows, LINES - 1, page))
