"""What to do with the model, after what stands in the summary."""

from bnnaudit.core.report import Report
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.typesetting import Parts, heading, listed


def advice(report: Report, page: Page) -> Parts:
    """All of it, with the codes that it answers, on a verbose page; else what the summary has no room for."""
    items = report.advice if page.verbose else report.advice[1:]
    if not items:
        return []
    texts = [page.text(item.text + (f" ({', '.join(item.rules)})" if item.rules else "")) for item in items]
    return [heading("What to do with the model" if page.verbose else "What else to do", page), listed(texts)]
