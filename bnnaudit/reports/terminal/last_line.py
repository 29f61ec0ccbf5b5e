"""The last line of a page, which sums the run up for a log."""

from typing import assert_never

from rich.text import Text

from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.typesetting import OUTCOME_STYLES
from bnnaudit.reports.verdict_words import ANSWERS, failure_lines, log_lines, suite_lines


def last_line(document: Report | Suite | Failure, page: Page) -> Text:
    """The fullest of the wordings that fits on one line of the page."""
    match document:
        case Report():
            wordings = log_lines(document)
        case Suite():
            wordings = suite_lines(document)
        case Failure():
            wordings = failure_lines(document)
        case _:
            assert_never(document)
    texts = [page.text(words) for words in wordings]
    line = next((text for text in texts if text.cell_len <= page.columns), texts[-1])
    styles = [OUTCOME_STYLES[outcome] for outcome, word in ANSWERS.items() if line.plain.startswith(word)]
    line.stylize(" ".join(("bold", *styles)))
    return line
