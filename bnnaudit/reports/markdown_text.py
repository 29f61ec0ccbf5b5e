"""Pieces of GitHub-flavoured Markdown in which words from outside stay words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bnnaudit.reports.numbers import MISSING
from bnnaudit.reports.safe_text import LONGEST_NAME, short

LONGEST_TEXT = 1_000
"""Characters of a message that are shown: several times the longest that the rules write. Not tuned."""
_SPLIT = "<!-- -->"
"""A comment that nobody sees between two signs which together would be a mention or a link."""
_MARKUP = re.compile(r"([\\`*_\[\]~$])")
_LINE_START = re.compile(r"^(\d{0,9})([-+#=]|[.)](?= |$))")
_MENTION = re.compile(r"@")
_REFERENCE = re.compile(r"#(?=\d)|(?<=[Gg][Hh])-(?=\d)")
_ADDRESS = re.compile(r"(?<=\w):(?=//)|(?<=www)\.|(?<=mailto):|(?<=xmpp):", re.IGNORECASE)


def words(text: str, longest: int = LONGEST_TEXT) -> str:
    """Prose that may hold a stranger's words, on one line: no markup, HTML, mention, reference or link comes of it."""
    shown = _as_html(_apart(short(text, longest).strip()))
    shown = _LINE_START.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", shown))
    return shown.replace("\0", _SPLIT)


def html_words(text: str, longest: int = LONGEST_NAME) -> str:
    """The same where HTML is written, as in the title of a folded part, in which Markdown has no meaning."""
    return _as_html(_apart(short(text, longest).strip())).replace("\0", _SPLIT)


def _apart(text: str) -> str:
    """A zero byte, which no safe text holds, wherever two signs would be a mention, a reference or an address."""
    text = _ADDRESS.sub(lambda found: f"\0{found[0]}", text)
    return _MENTION.sub("@\0", _REFERENCE.sub(lambda found: f"{found[0]}\0", text))


def _as_html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str, longest: int = LONGEST_NAME) -> str:
    """A name as code, whatever backticks it holds; a dash for an empty one."""
    shown = short(text, longest).strip()
    if not shown:
        return MISSING
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _longest_run(text: str) -> int:
    """Of backticks."""
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def fenced(text: str, longest: int = LONGEST_TEXT) -> str:
    """A line of code in a block of its own."""
    shown = short(text, longest).strip()
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> str:
    """Cells that are Markdown already; a bar in them, even in code, ends no cell. `right` are the columns of numbers."""
    aligned = set(right)
    rule = ["--:" if index in aligned else "---" for index in range(len(titles))]
    lines = ([cell.replace("|", "\\|") for cell in cells] for cells in (titles, rule, *rows))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def details(summary: str, content: str) -> str:
    """A part that is folded; `summary` is HTML already, `content` Markdown."""
    return f"<details>\n<summary>{summary}</summary>\n\n{content}\n\n</details>"
