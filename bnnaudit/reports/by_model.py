"""The audits of a document by the model file that they are about, for formats that speak of files rather than of runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PureWindowsPath

from bnnaudit.core.errors import UsageError
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.documents import Document
from bnnaudit.reports.safe_text import short

LONGEST_MESSAGE = 2000
"""Signs of a message that are shown. Not tuned."""


@dataclass(frozen=True, slots=True)
class ModelAudits:
    """All reports on one model file, in the order in which they were asked for; at least one."""

    reports: tuple[Report, ...]

    @property
    def name(self) -> str:
        """Of the file, without its folders."""
        return file_name(self.reports[0].model.path)

    @property
    def sha256(self) -> str:
        """Of the file; empty for a model that was not read from one."""
        return self.reports[0].model.sha256


def by_model(document: Document, format: str) -> tuple[list[ModelAudits], list[Failure]]:
    """The reports of a document, those on the same file together, and what could not be audited.

    Raises UsageError, naming `format`, for a document that is no audit.
    """
    match document:
        case Report():
            return [ModelAudits((document,))], []
        case Failure():
            return [], [document]
        case Suite():
            found: dict[tuple[str, str], list[Report]] = {}
            for report in (entry for entry in document.entries if isinstance(entry, Report)):
                found.setdefault((report.model.path, report.model.sha256), []).append(report)
            failures = [entry for entry in document.entries if isinstance(entry, Failure)]
            return [ModelAudits(tuple(reports)) for reports in found.values()], failures
        case _:
            raise UsageError(f"{format}: only audits of models are written in this format; choose text or JSON")


def file_name(path: str) -> str:
    """The last part of a model's path, after / or \\, made safe to show."""
    return short(PureWindowsPath(path).name or path or "model")
