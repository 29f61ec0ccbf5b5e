"""The publications that texts cite: the text and the JSON of `explain --sources`."""

from collections.abc import Iterable

from rich.console import RenderableType

from bnnaudit.core.sources import Publication
from bnnaudit.reports.json.strict import JsonValue
from bnnaudit.reports.terminal.style import Look, choose_look, draw
from bnnaudit.reports.terminal.typesetting import indented


def render_sources(
    sources: Iterable[Publication], *, width: int | None = None, color: bool = False, ascii: bool = False
) -> str:
    """All of them, in the order given."""
    look = choose_look(width, color, ascii)
    return draw(list(source_lines(sources, look)), look)


def source_lines(sources: Iterable[Publication], look: Look) -> Iterable[RenderableType]:
    """Each under the label that texts cite."""
    for source in sources:
        yield look.text(f"[{source.label}]", "bold")
        ends = (source.venue, source.link) if source.link else (source.venue,)
        yield indented(look.text(f"{source.authors}: {source.title}. {', '.join(ends)}"))


def source_to_json(source: Publication) -> dict[str, JsonValue]:
    """A publication with all that is known of it; no link is an empty string."""
    return {
        "label": source.label,
        "authors": source.authors,
        "title": source.title,
        "venue": source.venue,
        "link": source.link,
    }
