"""Parts drawn on a page as text."""

import io
import re

from rich.console import Console

from bnnaudit.reports.page import GLUE, Page
from bnnaudit.reports.safe_text import drawn_in_ascii
from bnnaudit.reports.terminal.typesetting import Parts

_ESCAPE = re.compile("(\x1b\\[[0-9;]*m)")
_TRAILING = re.compile(r"(?:[ \t]|\x1b\[[0-9;]*m)+$", re.MULTILINE)


def draw(parts: Parts, page: Page) -> str:
    """The parts without trailing blanks, ending in one line break."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=page.columns,
        color_system="standard" if page.color else None,
        force_terminal=page.color,
        no_color=not page.color,
        force_interactive=False,
        legacy_windows=False,
        markup=False,
        highlight=False,
        emoji=False,
    )
    for part in parts:
        console.print(part)
    text = stream.getvalue().replace(GLUE, " ")
    if page.ascii:
        text = "".join(run if _ESCAPE.match(run) else drawn_in_ascii(run) for run in _ESCAPE.split(text))
    return _TRAILING.sub(lambda end: "".join(_ESCAPE.findall(end[0])), text).strip("\n") + "\n"
