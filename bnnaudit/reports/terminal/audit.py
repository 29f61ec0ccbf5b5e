"""The report to read."""

from bnnaudit.core.report import Report
from bnnaudit.reports.terminal.sections import SECTIONS
from bnnaudit.reports.terminal.style import Look, draw


def report_to_text(report: Report, look: Look) -> str:
    """All sections in reading order; the last line sums the run up."""
    return draw((part for section in SECTIONS for part in section(report, look)), look)
