"""The few shapes that every text page is set in: a heading, labelled values, a paragraph, a list."""

import re
from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bnnaudit.reports.terminal.style import Look

INDENT = 2
_WIDEST_LABEL = 26
_CODE = re.compile(r"`[^`]+`")


def heading(title: str, look: Look) -> Text:
    """A bold title with a line to the right edge, after an empty line."""
    line = "─" * max(0, look.width - len(title) - 4)
    return Text.assemble("\n", ("── ", "dim"), (title, "bold"), (f" {line}", "dim"))


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


def listed(items: Iterable[RenderableType]) -> RenderableType:
    """Items with a dot before each."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for item in items:
        grid.add_row("•", item)
    return indented(grid)


def prose(words: str, look: Look) -> RenderableType:
    """Paragraphs apart by an empty line, lines that start with `- ` as a list, `code` set off by colour."""
    blocks: list[RenderableType] = []
    for paragraph in re.split(r"\n\s*\n", words.strip()):
        if blocks:
            blocks.append(Text(""))
        blocks.extend(_paragraph([line.strip() for line in paragraph.splitlines()], look))
    return Group(*blocks)


def _paragraph(lines: Sequence[str], look: Look) -> list[RenderableType]:
    runs: list[str] = []
    for line in lines:
        if runs and not line.startswith("- "):
            runs[-1] = f"{runs[-1]} {line}"
        else:
            runs.append(line)
    blocks: list[RenderableType] = []
    for run in runs:
        text = look.text(run.removeprefix("- "))
        text.highlight_regex(_CODE, "cyan")
        blocks.append(listed([text]) if run.startswith("- ") else text)
    return blocks
