"""The audits of a document by the model file that they are about, for formats that speak of files rather than of runs."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure
from bnnaudit.reports.documents import Document
from bnnaudit.reports.entries import entries_of
from bnnaudit.reports.safe_text import file_name

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
        return self.reports[0].model.file_sha256


def by_model(document: Document, format: str) -> tuple[list[ModelAudits], list[Failure]]:
    """The reports of a document, those on the same file together, and what could not be audited.

    Raises UsageError, naming `format`, for a document that is no audit.
    """
    entries = entries_of(document, format)
    found: dict[tuple[str, str], list[Report]] = {}
    for report in (entry for entry in entries if isinstance(entry, Report)):
        found.setdefault((report.model.path, report.model.sha256), []).append(report)
    return [ModelAudits(tuple(reports)) for reports in found.values()], [e for e in entries if isinstance(e, Failure)]
