"""The report to read: its sections in reading order. One that has nothing to say gives no parts."""

from bnnaudit.core.report import Report
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.sections.attacks import attacks, auto_phases
from bnnaudit.reports.terminal.sections.cures import cures
from bnnaudit.reports.terminal.sections.findings import findings
from bnnaudit.reports.terminal.sections.header import header
from bnnaudit.reports.terminal.sections.propagation import propagation
from bnnaudit.reports.terminal.sections.sweeps import sweeps
from bnnaudit.reports.terminal.sections.verdict import verdict
from bnnaudit.reports.terminal.typesetting import Parts


def audit_parts(report: Report, page: Page) -> Parts:
    """All sections; the last line sums the run up."""
    sections = (header, attacks, auto_phases, sweeps, propagation, findings, cures, verdict)
    return [part for section in sections for part in section(report, page)]
