"""The audits of a document one by one, for formats that have a part for each."""

from __future__ import annotations

from bnnaudit.core.errors import UsageError
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.documents import Document


def entries_of(document: Document, format: str) -> tuple[Report | Failure, ...]:
    """The report or failure that the document is, or those that it holds, in order.

    Raises UsageError, naming `format`, for a document that is no audit.
    """
    match document:
        case Report() | Failure():
            return (document,)
        case Suite():
            return document.entries
        case _:
            raise UsageError(f"{format}: only audits of models are written in this format; choose text or JSON")
