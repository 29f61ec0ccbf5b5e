"""The sections of the terminal report in reading order; one that has nothing to say gives no parts."""

from collections.abc import Callable, Sequence

from rich.console import RenderableType

from bnnaudit.core.report import Report
from bnnaudit.reports.look import Look
from bnnaudit.reports.sections.attacks import attacks
from bnnaudit.reports.sections.cures import cures
from bnnaudit.reports.sections.findings import findings
from bnnaudit.reports.sections.header import header
from bnnaudit.reports.sections.portfolio import portfolio
from bnnaudit.reports.sections.propagation import propagation
from bnnaudit.reports.sections.signal import signal
from bnnaudit.reports.sections.sweeps import sweeps
from bnnaudit.reports.sections.verdict import verdict

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
