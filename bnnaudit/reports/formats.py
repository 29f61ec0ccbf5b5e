"""The formats that documents are written in, one file or folder each. Naming them imports none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnnaudit.reports.documents import Document
    from bnnaudit.reports.page import Page


class ReportFormat(StrEnum):
    """What a document can be written as; each has its module or package of that name here."""

    TERMINAL = "terminal"
    JSON = "json"
    HTML = "html"
    MARKDOWN = "markdown"
    SARIF = "sarif"
    JUNIT = "junit"
    CSV = "csv"
    GITHUB = "github"
    INTOTO = "intoto"
    INTOTO_PREDICATE = "intoto-predicate"
    CYCLONEDX = "cyclonedx"


WRITE_EVERYTHING = (ReportFormat.TERMINAL, ReportFormat.JSON)
"""The formats that write documents of every kind; others write reports alone."""
ABOUT_ONE_MODEL = (ReportFormat.INTOTO_PREDICATE,)
"""The formats that hold one model, so that no audit of several needs to run before they are refused."""
WRITE_COMPARISONS = (ReportFormat.TERMINAL, ReportFormat.JSON, ReportFormat.HTML, ReportFormat.MARKDOWN)
"""The formats that also write comparisons of releases; the others say what is true of one model."""
WRITE_HISTORIES = (*WRITE_COMPARISONS, ReportFormat.CSV)
"""The formats that also write what a model was found to be in release after release."""
WRITE_REPRODUCTIONS = (*WRITE_COMPARISONS, ReportFormat.CSV)
"""The formats that also write the paper's tables and figures made again."""
SUFFIXES: Mapping[str, ReportFormat] = {
    ".txt": ReportFormat.TERMINAL,
    ".json": ReportFormat.JSON,
    ".html": ReportFormat.HTML,
    ".htm": ReportFormat.HTML,
    ".md": ReportFormat.MARKDOWN,
    ".sarif": ReportFormat.SARIF,
    ".sarif.json": ReportFormat.SARIF,
    ".xml": ReportFormat.JUNIT,
    ".csv": ReportFormat.CSV,
    ".github.txt": ReportFormat.GITHUB,
    ".intoto.json": ReportFormat.INTOTO,
    ".intoto.jsonl": ReportFormat.INTOTO,
    ".predicate.json": ReportFormat.INTOTO_PREDICATE,
    ".cdx.json": ReportFormat.CYCLONEDX,
}
"""The format of a file by the end of its name, the longest that fits."""
WRITERS: Mapping[ReportFormat, str] = {
    ReportFormat.TERMINAL: "terminal.writer:write_text",
    ReportFormat.JSON: "json.writer:write_json",
    ReportFormat.HTML: "html.writer:write_html",
    ReportFormat.MARKDOWN: "markdown:write_markdown",
    ReportFormat.SARIF: "sarif.writer:write_sarif",
    ReportFormat.JUNIT: "junit:write_junit",
    ReportFormat.CSV: "csv:write_csv",
    ReportFormat.GITHUB: "github:write_github",
    ReportFormat.INTOTO: "intoto:write_intoto",
    ReportFormat.INTOTO_PREDICATE: "intoto_predicate:write_intoto_predicate",
    ReportFormat.CYCLONEDX: "cyclonedx.writer:write_cyclonedx",
}
"""The module of each format below this package, imported only when it writes, and its writer."""


def format_of(path: Path) -> ReportFormat | None:
    """The format that the file's name stands for; None where it stands for none."""
    name = path.name.lower()
    fitting = [suffix for suffix in SUFFIXES if name.endswith(suffix)]
    return SUFFIXES[max(fitting, key=len)] if fitting else None


def writer_of(format: ReportFormat) -> Callable[[Document, Page], str]:
    """What turns a document into text that ends in a line break.

    What a page is like matters only to formats that are laid out. A writer raises UsageError for a kind of document that its
    format does not write.
    """
    module, _, name = WRITERS[format].partition(":")
    writer: Callable[[Document, Page], str] = getattr(import_module(f"bnnaudit.reports.{module}"), name)
    return writer


def render(document: Document, format: ReportFormat, page: Page) -> str:
    """The document in that format."""
    return writer_of(format)(document, page)
