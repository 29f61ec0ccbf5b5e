"""The formats that documents are written in, one file or folder each. Naming them imports none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from bnnaudit.reports.documents import Document
    from bnnaudit.reports.page import Page


class ReportFormat(StrEnum):
    """What a document can be written as; each has its module or package of that name here."""

    TERMINAL = "terminal"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    CSV = "csv"
    INTOTO = "intoto"
    INTOTO_PREDICATE = "intoto-predicate"
    CYCLONEDX = "cyclonedx"
    MARKDOWN = "markdown"
    GITHUB = "github"


WRITE_EVERYTHING = (ReportFormat.TERMINAL, ReportFormat.JSON)
"""The formats that write documents of every kind; others write reports alone."""
SUFFIXES: Mapping[str, ReportFormat] = {
    ".txt": ReportFormat.TERMINAL,
    ".json": ReportFormat.JSON,
    ".sarif": ReportFormat.SARIF,
    ".sarif.json": ReportFormat.SARIF,
    ".xml": ReportFormat.JUNIT,
    ".csv": ReportFormat.CSV,
    ".intoto.json": ReportFormat.INTOTO,
    ".intoto.jsonl": ReportFormat.INTOTO,
    ".predicate.json": ReportFormat.INTOTO_PREDICATE,
    ".cdx.json": ReportFormat.CYCLONEDX,
    ".md": ReportFormat.MARKDOWN,
    ".github.txt": ReportFormat.GITHUB,
}
"""The format of a file by the end of its name, the longest that fits."""


def format_of(path: Path) -> ReportFormat | None:
    """The format that the file's name stands for; None where it stands for none."""
    name = path.name.lower()
    fitting = [suffix for suffix in SUFFIXES if name.endswith(suffix)]
    return SUFFIXES[max(fitting, key=len)] if fitting else None


def writer_of(format: ReportFormat) -> Callable[[Document, Page], str]:  # noqa: C901 - a table, one case a format
    """The table of formats: what turns a document into text that ends in a line break.

    What a page is like matters only to formats that are laid out. A writer raises UsageError for a kind of document that its
    format does not write.
    """
    match format:
        case ReportFormat.TERMINAL:
            from bnnaudit.reports.terminal.writer import write_text

            return write_text
        case ReportFormat.JSON:
            from bnnaudit.reports.json.writer import write_json

            return write_json
        case ReportFormat.SARIF:
            from bnnaudit.reports.sarif.writer import write_sarif

            return write_sarif
        case ReportFormat.JUNIT:
            from bnnaudit.reports.junit import write_junit

            return write_junit
        case ReportFormat.CSV:
            from bnnaudit.reports.csv import write_csv

            return write_csv
        case ReportFormat.INTOTO:
            from bnnaudit.reports.intoto import write_intoto

            return write_intoto
        case ReportFormat.INTOTO_PREDICATE:
            from bnnaudit.reports.intoto_predicate import write_intoto_predicate

            return write_intoto_predicate
        case ReportFormat.CYCLONEDX:
            from bnnaudit.reports.cyclonedx.writer import write_cyclonedx

            return write_cyclonedx
        case ReportFormat.MARKDOWN:
            from bnnaudit.reports.markdown import write_markdown

            return write_markdown
        case ReportFormat.GITHUB:
            from bnnaudit.reports.github import write_github

            return write_github
        case _:
            assert_never(format)


def render(document: Document, format: ReportFormat, page: Page) -> str:
    """The document in that format."""
    return writer_of(format)(document, page)
