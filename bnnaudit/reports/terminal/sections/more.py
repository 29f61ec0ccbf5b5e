"""What a page that is not verbose leaves out, and how to get it."""

from rich.text import Text

from bnnaudit.core.finding import Severity
from bnnaudit.core.report import Report
from bnnaudit.reports.numbers import plural
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.typesetting import Parts, indented


def more(report: Report, page: Page) -> Parts:
    """A line on the skipped checks where there are any, and one on -v and explain; nothing on a verbose page."""
    if page.verbose:
        return []
    skipped = f"{plural(len(report.skipped), 'check')} skipped; -v says which, and why."
    worst = min(report.findings, key=lambda finding: tuple(Severity).index(finding.severity), default=None)
    code = "CODE" if worst is None else worst.rule.code
    hint = f"-v adds all messages, tables and cures; bnnaudit explain {code} says more."
    lines = [skipped, hint] if report.skipped else [hint]
    return [Text(""), *(indented(page.text(line, "dim")) for line in lines)]
