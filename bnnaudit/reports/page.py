"""The page that a report is written for: width, colours, characters."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bnnaudit.reports.safe_text import safe, short, spelled_in_ascii

if TYPE_CHECKING:
    from rich.text import Text

NARROWEST = 40
"""Columns that a report is never narrower than."""
WIDEST = 120
"""Columns beyond which lines are no longer easy to read."""
GLUE = "\ue000"
"""Stands for a space at which no line is broken, until the page is drawn. It is a private sign, which no safe text holds;
a no-break space would be taken for a space."""
_UNBROKEN = re.compile(r"(?<=[0-9]) (?=%)|(?<=[0-9],) (?=[-+]?[0-9.]+\])")
"""Between a number and its per cent sign, and between the ends of an interval."""
LONGEST, LONGEST_FULL = 2_000, 20_000
"""Characters of one text on a page, and on a verbose one: a screenful, and more than any model's metadata hold that people wrote.
Not tuned."""


@dataclass(frozen=True, slots=True)
class Page:
    """What the stream takes that a report goes to, and how much the reader wants.

    width: in columns, None for the terminal's. color: ANSI escapes are allowed. ascii: for a stream that cannot carry UTF-8.
    verbose: everything is shown, of each text as much as anybody wrote by hand.
    """

    width: int | None = None
    color: bool = False
    ascii: bool = False
    verbose: bool = False

    @property
    def columns(self) -> int:
        """The columns that are written in: from 40 to 120; 80 where there is no terminal."""
        width = shutil.get_terminal_size((80, 24)).columns if self.width is None else self.width
        return min(max(width, NARROWEST), WIDEST)

    def text(self, words: str, style: str = "") -> Text:
        """Plain words: no markup, no control codes, in ASCII where that is asked for, cut where they are far too many."""
        from rich.text import Text  # only a page that is drawn on needs it

        words = short(words, LONGEST_FULL if self.verbose else LONGEST)
        shown = safe(spelled_in_ascii(words) if self.ascii else words)
        return Text(_UNBROKEN.sub(GLUE, shown), style=style, overflow="fold")
