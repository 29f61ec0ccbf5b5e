"""How a text report looks, and how rich's pieces become one string."""

import io
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.text import Text

from bnnaudit.reports.safe_text import drawn_in_ascii, spelled_in_ascii, visible

NARROWEST = 40
WIDEST = 120
_ESCAPE = re.compile("(\x1b\\[[0-9;]*m)")
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Look:
    """`width` in columns; `color` allows ANSI escapes; `ascii` keeps to signs that every terminal has."""

    width: int = 80
    color: bool = False
    ascii: bool = False

    def text(self, words: str, style: str = "") -> Text:
        """Words as they are: never markup, never control codes, spelled in ASCII where that is asked for."""
        return Text(visible(spelled_in_ascii(words) if self.ascii else words), style=style, overflow="fold")


def choose_look(width: int | None = None, color: bool = False, ascii: bool = False) -> Look:
    """`width` None is the terminal's, 80 where there is none. Beyond 120 columns lines are no longer easy to read."""
    columns = shutil.get_terminal_size((80, 24)).columns if width is None else width
    return Look(min(max(columns, NARROWEST), WIDEST), color, ascii)


def draw(parts: Iterable[RenderableType], look: Look) -> str:
    """The parts below one another, without trailing blanks, ending in one line break."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=look.width,
        color_system="standard" if look.color else None,
        force_terminal=look.color,
        no_color=not look.color,
        force_interactive=False,
        legacy_windows=False,
        markup=False,
        highlight=False,
        emoji=False,
    )
    for part in parts:
        console.print(part)
    text = _TRAILING.sub("", stream.getvalue()).strip("\n") + "\n"
    return _in_ascii(text) if look.ascii else text


def _in_ascii(text: str) -> str:
    return "".join(part if part.startswith("\x1b") else drawn_in_ascii(part) for part in _ESCAPE.split(text))
