"""The audit's report for the terminal: its sections in reading order; an empty section gives no parts."""

from collections.abc import Callable, Iterable

from rich.text import Text

from bnnaudit.core.report import Report
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.last_line import last_line
from bnnaudit.reports.terminal.sections.advice import advice
from bnnaudit.reports.terminal.sections.attacks import attacks, auto_phases
from bnnaudit.reports.terminal.sections.cures import cures
from bnnaudit.reports.terminal.sections.findings import findings
from bnnaudit.reports.terminal.sections.gate import gate
from bnnaudit.reports.terminal.sections.header import header
from bnnaudit.reports.terminal.sections.more import more
from bnnaudit.reports.terminal.sections.propagation import propagation
from bnnaudit.reports.terminal.sections.sweeps import sweeps
from bnnaudit.reports.terminal.sections.verdict import verdict
from bnnaudit.reports.terminal.summary_rows import summary_parts
from bnnaudit.reports.terminal.typesetting import Parts, heading

_MEASURED = (attacks, auto_phases, sweeps, propagation)


def audit_parts(report: Report, page: Page) -> Parts:
    """A summary of what was judged, then the findings; the rest on a verbose page; the last line sums the run up.

    A run that judged nothing shows all that it measured.
    """
    if report.verdict is None:
        return [*_in_order((header, *_MEASURED, findings), report, page), Text(""), last_line(report, page)]
    parts = [
        *summary_parts(report, page),
        *_in_order((gate, findings, advice, more), report, page),
    ]
    if page.verbose:
        parts += [heading("What was audited", page), *_in_order((header, *_MEASURED, cures, verdict), report, page)]
    return [*parts, Text(""), last_line(report, page)]


def _in_order(sections: Iterable[Callable[[Report, Page], Parts]], report: Report, page: Page) -> Parts:
    return [part for section in sections for part in section(report, page)]
