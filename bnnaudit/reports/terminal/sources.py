"""The publications that texts cite."""

from collections.abc import Iterable

from rich.console import RenderableType

from bnnaudit.core.sources import Publication
from bnnaudit.reports.documents import Bibliography
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.drawing import Parts
from bnnaudit.reports.terminal.typesetting import indented


def bibliography_parts(bibliography: Bibliography, page: Page) -> Parts:
    """All of them, in the order given."""
    return list(source_lines(bibliography.sources, page))


def source_lines(sources: Iterable[Publication], page: Page) -> Iterable[RenderableType]:
    """Each under the label that texts cite."""
    for source in sources:
        yield page.text(f"[{source.label}]", "bold")
        ends = (source.venue, source.link) if source.link else (source.venue,)
        yield indented(page.text(f"{source.authors}: {source.title}. {', '.join(ends)}"))
