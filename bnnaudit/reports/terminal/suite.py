"""Several audits for the terminal: each in turn, then a line for each; and an audit that gave no report."""

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite, exit_code_of
from bnnaudit.reports.numbers import threat_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.audit import audit_parts
from bnnaudit.reports.terminal.typesetting import Parts, heading, labelled


def suite_parts(suite: Suite, page: Page) -> Parts:
    """The entries in order, then what each exits with, and all together."""
    parts: list[RenderableType] = []
    for entry in suite.entries:
        name = entry.model.path if isinstance(entry, Report) else entry.model
        parts.append(heading(page.text(name).plain, page))
        parts += audit_parts(entry, page) if isinstance(entry, Report) else failure_parts(entry, page)
    rows: list[tuple[str, RenderableType]] = [
        (f"exit code {int(exit_code_of(entry))}", page.text(_named(entry))) for entry in suite.entries
    ]
    together = f"exit code {int(suite.exit_code)}"
    return [*parts, heading("Summary", page), labelled([*rows, (together, page.text("all together", "bold"))])]


def _named(entry: Report | Failure) -> str:
    if isinstance(entry, Failure):
        return f"{entry.model}: no report"
    return f"{entry.model.path}, {threat_text(entry.threat)}"


def failure_parts(failure: Failure, page: Page) -> Parts:
    """The line that says what is wrong, and what a command exits with."""
    return [
        page.text(failure.message, "red"),
        Text(""),
        page.text(f"NO REPORT  {failure.model}: exit code {int(failure.exit_code)}", "bold red"),
    ]
