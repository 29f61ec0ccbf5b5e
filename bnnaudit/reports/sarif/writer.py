"""Audits as a SARIF log."""

from __future__ import annotations

from collections import Counter

from bnnaudit.core.exit_codes import worst
from bnnaudit.core.suite import exit_code_of
from bnnaudit.reports.documents import Document
from bnnaudit.reports.entries import entries_of
from bnnaudit.reports.json.parts import json_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.sarif.run import category_of, run_of

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def write_sarif(document: Document, page: Page) -> str:
    """A log with one run for each report or failure, the same for every page.

    What the command exits with stands in each run, and no run of an audit that did not finish looks like one that did. GitHub's
    code scanning takes 20 runs at most, each with an `automationDetails.id` of its own.
    Raises UsageError for a document that is no audit.
    """
    entries = entries_of(document, "sarif")
    exit_code = worst(exit_code_of(entry) for entry in entries)
    seen: Counter[str] = Counter()
    runs = []
    for entry in entries:
        category = category_of(entry)
        seen[category] += 1
        runs.append(run_of(entry, exit_code, category if seen[category] == 1 else f"{category}-{seen[category]}"))
    return json_text({"$schema": SCHEMA_URI, "version": "2.1.0", "runs": runs})
