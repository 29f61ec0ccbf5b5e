"""The sections of the terminal report in reading order; one that has nothing to say gives no parts."""

from collections.abc import Callable, Sequence

from rich.console import RenderableType

from bnnaudit.core.report import Report
from bnnaudit.reports.terminal.sections.attacks import attacks
from bnnaudit.reports.terminal.sections.cures import cures
from bnnaudit.reports.terminal.sections.findings import findings
from bnnaudit.reports.terminal.sections.header import header
from bnnaudit.reports.terminal.sections.portfolio import portfolio
from bnnaudit.reports.terminal.sections.propagation import propagation
from bnnaudit.reports.terminal.sections.signal import signal
from bnnaudit.reports.terminal.sections.sweeps import sweeps
from bnnaudit.reports.terminal.sections.verdict import verdict
from bnnaudit.reports.terminal.style import Look

SECTIONS: tuple[Callable[[Report, Look], Sequence[RenderableType]], ...] = (
    header,
    attacks,
    portfolio,
    sweeps,
    signal,
    propagation,
    findings,
    cures,
    verdict,
)
