"""Writes the evidence of a command that attacked a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bnnaudit.reports.formats import ReportFormat, render
from bnnaudit.reports.page import Page

if TYPE_CHECKING:
    from bnnaudit.auditing.confirmed import Confirmed
    from bnnaudit.core.report import Report
    from bnnaudit.core.target import Target
    from bnnaudit.evidence.writing.writer import EvidenceWriter


def add_evidence(
    writer: EvidenceWriter, model: Path, target: Target, confirmed: Confirmed, report: Report, alone: bool = True
) -> None:
    """Adds one model under one threat, in a folder of its own unless it is `alone`."""
    from bnnaudit.evidence.writing.case import Case

    writer.add(Case(model, target, confirmed, report, render(report, ReportFormat.JSON, Page(80))), alone)
