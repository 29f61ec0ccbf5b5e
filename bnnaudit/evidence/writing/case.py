"""What one evidence is made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bnnaudit.auditing.confirmed import Confirmed
from bnnaudit.core.report import Report
from bnnaudit.core.target import Target


@dataclass(frozen=True, slots=True)
class Case:
    """The counterexamples of one model under one threat.

    model: its file. target: the model in the sessions that it was replayed in. report, report_text: of the run, and as JSON.
    """

    model: Path
    target: Target
    confirmed: Confirmed
    report: Report
    report_text: str
