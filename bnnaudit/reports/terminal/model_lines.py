"""What a model file holds, as labelled lines that the audit's report and `inspect` share."""

from typing import TypeAlias

from rich.console import RenderableType

from bnnaudit.core.facts import ModelFacts
from bnnaudit.reports.model_words import model_words
from bnnaudit.reports.page import Page

Row: TypeAlias = tuple[str, RenderableType]


def model_rows(label: str, facts: ModelFacts, page: Page) -> list[Row]:
    """The file under a label of the caller's, then precision, steps, the source of the gradient, and input."""
    return [(name, page.text(line)) for name, line in model_words(label, facts)]
