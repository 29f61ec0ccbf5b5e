"""The report to read: its sections in reading order. One that has nothing to say gives no parts."""

from collections.abc import Callable

from bnnaudit.core.report import Report
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.drawing import Parts
from bnnaudit.reports.terminal.sections.attacks import attacks
from bnnaudit.reports.terminal.sections.auto_phases import auto_phases
from bnnaudit.reports.terminal.sections.cures import cures
from bnnaudit.reports.terminal.sections.findings import findings
from bnnaudit.reports.terminal.sections.header import header
from bnnaudit.reports.terminal.sections.propagation import propagation
from bnnaudit.reports.terminal.sections.sweeps import sweeps
from bnnaudit.reports.terminal.sections.verdict import verdict

SECTIONS: tuple[Callable[[Report, Page], Parts], ...] = (
    header,
    attacks,
    auto_phases,
    sweeps,
    propagation,
    findings,
    cures,
    verdict,
)


def audit_parts(report: Report, page: Page) -> Parts:
    """All sections; the last line sums the run up."""
    return [part for section in SECTIONS for part in section(report, page)]
