"""A page as a reader meets it: its visible text, its tags, and its attributes."""

from __future__ import annotations

from html.parser import HTMLParser

_SILENT = {"style", "title"}
_LINES = {"p", "h1", "h2", "h3", "h4", "li", "tr", "dt", "figcaption", "summary", "pre", "div", "section", "article"}


class Outline(HTMLParser):
    """What a page is made of. headings: level and text. tags: every element with its attributes. text: what is shown."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[tuple[int, str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self._lines: list[str] = [""]
        self.feed(page)
        self.close()

    @property
    def text(self) -> str:
        """The visible text, a line for each block; cells of a table apart by a bar."""
        lines = [" ".join(line.replace("\u00a0", " ").split()).strip(" |") for line in self._lines]
        return "\n".join(line for line in lines if line) + "\n"

    def attributes(self, name: str) -> list[str]:
        """Every value of this attribute, in order."""
        return [value or "" for _, attributes in self.tags for key, value in attributes.items() if key == name]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append((int(tag[1]), ""))
        if tag in _LINES:
            self._lines.append("")
        if tag in ("td", "th", "dd"):
            self._lines[-1] += " | "

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if _SILENT & set(self._open):
            return
        self._lines[-1] += data
        if self._open and self._open[-1] in ("h1", "h2", "h3", "h4"):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)
