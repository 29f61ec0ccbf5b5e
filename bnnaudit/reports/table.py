"""From a report to text: one file a format, and this table of them."""

from collections.abc import Callable
from enum import StrEnum

from bnnaudit.core.report import Report
from bnnaudit.reports.json.audit import report_to_json
from bnnaudit.reports.json.strict import json_text
from bnnaudit.reports.output import write_atomically
from bnnaudit.reports.terminal.audit import report_to_text
from bnnaudit.reports.terminal.style import Look, choose_look

__all__ = ["FORMATS", "ReportFormat", "Writer", "json_text", "render", "write_atomically"]


class ReportFormat(StrEnum):
    """What a report can be written as."""

    TERMINAL = "terminal"
    JSON = "json"


Writer = Callable[[Report, Look], str]

FORMATS: dict[ReportFormat, Writer] = {
    ReportFormat.TERMINAL: report_to_text,
    ReportFormat.JSON: lambda report, look: json_text(report_to_json(report)),
}


def render(
    report: Report, format: ReportFormat, *, width: int | None = None, color: bool = False, ascii: bool = False
) -> str:
    """The report as text that ends in a line break.

    `width` None is the terminal's; `color` allows ANSI escapes; `ascii` is for a stream that cannot carry UTF-8. JSON
    looks the same whatever they are.
    """
    return FORMATS[format](report, choose_look(width, color, ascii))
