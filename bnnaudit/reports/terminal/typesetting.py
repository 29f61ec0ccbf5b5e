"""The building blocks of every text page: heading, notes, labelled values, table, paragraph, list."""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bnnaudit.core.finding import Severity
from bnnaudit.core.gate import Outcome
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short

Parts: TypeAlias = Sequence[RenderableType]
"""Pieces below one another."""
INDENT = 2
_WIDEST_LABEL = 26
_NARROWEST_COLUMN = 4
_SENTENCES = re.compile(r"(?<=[.!?]) +(?=[A-Z])")
_CODE = re.compile(r"`[^`]+`")
_BADGES = {
    Severity.ERROR: ("ERROR", "bold white on red"),
    Severity.WARNING: ("WARNING", "bold black on yellow"),
    Severity.NOTE: ("NOTE", "bold white on blue"),
}

OUTCOME_STYLES = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.UNDECIDED: "yellow"}


def heading(title: str, page: Page) -> Text:
    """A bold title, which may be a name from outside, with a line to the right edge, after an empty line."""
    words = page.text(short(title), "bold")
    line = "─" * max(0, page.columns - len(words) - 4)
    return Text.assemble("\n", ("── ", "dim"), words, (f" {line}", "dim"))


def badge(severity: Severity, page: Page) -> Text:
    """The severity in capitals, with a margin of its colour where there is colour."""
    word, style = _BADGES[severity]
    return Text(f" {word} " if page.color else word, style=style)


def labelled(rows: Iterable[tuple[str, RenderableType]]) -> RenderableType:
    """Labels on the left, values beside them, both wrapped within their column."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", overflow="fold", max_width=_WIDEST_LABEL)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(label, value)
    return indented(grid)


def indented(part: RenderableType, by: int = INDENT) -> RenderableType:
    """The part, moved to the right."""
    return Padding(part, (0, 0, 0, by))


def notes(words: Iterable[str], page: Page) -> list[RenderableType]:
    """Remarks below a table, a paragraph each."""
    return [indented(page.text(note, "dim")) for note in words]


def clipped(text: Text, width: int, lines: int = 1) -> Text:
    """At most so many lines of that width, cut at the end of a word with `...` where there are more."""
    if height(text, width) <= lines:
        return text
    words = text.plain[: width * lines + 1]
    while words:
        words = words.rpartition(" ")[0] or words[:-1]
        shown = Text(f"{words.rstrip(' ,;:.')}...", text.style, overflow="fold")
        if height(shown, width) <= lines:
            break
    return shown


def opening(text: Text, width: int, lines: int) -> Text:
    """The sentences that fit into so many lines of that width; where not even the first does, as much of it as fits."""
    sentences = _SENTENCES.split(text.plain)
    for kept in range(len(sentences), 0, -1):
        whole = Text(" ".join(sentences[:kept]), text.style, overflow="fold")
        if height(whole, width) <= lines:
            return whole
    return clipped(text, width, lines)


def height(text: Text, width: int) -> int:
    """The lines that a text takes in so many columns."""
    return len(text.wrap(Console(width=width, file=io.StringIO()), width))


def listed(items: Iterable[RenderableType]) -> RenderableType:
    """Items with a dot before each."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for item in items:
        grid.add_row("•", item)
    return indented(grid)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    right: aligned to the right. wraps: its words may go on in the next line, as numbers never do. spare: where there is no
    room the columns with the highest go first; those with 0 stay.
    """

    title: str
    cells: Sequence[Text]
    right: bool = False
    wraps: bool = False
    spare: int = 0

    @property
    def natural(self) -> int:
        """The width in which no cell wraps."""
        return max(cell_len(line) for text in self._texts() for line in text.split("\n"))

    @property
    def least(self) -> int:
        """The width in which no word is cut."""
        words = (word for text in self._texts() for word in text.split() or [""])
        return max(map(cell_len, words)) if self.wraps else self.natural

    def _texts(self) -> list[str]:
        return [self.title, *(cell.plain for cell in self.cells)]


def fitting(columns: Sequence[Column], page: Page) -> list[Column]:
    """The columns that the page has room for without cutting a word."""
    kept = list(columns)
    for spare in sorted({column.spare for column in columns} - {0}, reverse=True):
        if _spread([column.least for column in kept], 1) > page.columns:
            kept = [column for column in kept if column.spare != spare]
    return kept


def natural_width(columns: Sequence[Column]) -> int:
    """The width of the table with its indent and two blanks between columns."""
    return _spread([column.natural for column in columns], 2)


def table(columns: Sequence[Column], page: Page) -> RenderableType:
    """The columns that fit, indented, and which do not; a word is cut only where nothing else is left."""
    left_out = [column.title for column in columns if column not in fitting(columns, page)]
    columns = fitting(columns, page)
    gap = 2 if natural_width(columns) <= page.columns else 1
    grid = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    for column, width in zip(columns, _widths(columns, gap, page), strict=True):
        grid.add_column(Text(column.title), width=width, overflow="fold")
        grid.columns[-1].justify = "right" if column.right else "left"
    for cells in zip(*(column.cells for column in columns), strict=True):
        grid.add_row(*cells)
    missing = [Text(f"No room for: {', '.join(left_out)}.", "dim")] if left_out else []
    return indented(Group(grid, *missing))


def _spread(widths: Sequence[int], gap: int) -> int:
    return INDENT + sum(widths) + gap * (len(widths) - 1)


def _widths(columns: Sequence[Column], gap: int, page: Page) -> list[int]:
    """From what words need up to what cells need, the neediest column first; below that where the page is too narrow."""
    widths = [column.least for column in columns]
    wrapping = [index for index, column in enumerate(columns) if column.wraps]
    while wrapping and _spread(widths, gap) != page.columns:
        if _spread(widths, gap) < page.columns:
            index = max(wrapping, key=lambda index: columns[index].natural - widths[index])
            if widths[index] >= columns[index].natural:
                break
            widths[index] += 1
        else:
            index = max(wrapping, key=lambda index: widths[index])
            if widths[index] <= _NARROWEST_COLUMN:
                break
            widths[index] -= 1
    return widths


def prose(words: str, page: Page) -> RenderableType:
    """Paragraphs apart by an empty line, lines that start with `- ` as a list, `code` set off by colour."""
    blocks: list[RenderableType] = []
    for paragraph in re.split(r"\n\s*\n", words.strip()):
        if blocks:
            blocks.append(Text(""))
        blocks.extend(_paragraph([line.strip() for line in paragraph.splitlines()], page))
    return Group(*blocks)


def _paragraph(lines: Sequence[str], page: Page) -> list[RenderableType]:
    runs: list[str] = []
    for line in lines:
        if runs and not line.startswith("- "):
            runs[-1] = f"{runs[-1]} {line}"
        else:
            runs.append(line)
    blocks: list[RenderableType] = []
    for run in runs:
        text = page.text(run.removeprefix("- "))
        text.highlight_regex(_CODE, "cyan")
        blocks.append(listed([text]) if run.startswith("- ") else text)
    return blocks
