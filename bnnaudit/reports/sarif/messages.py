"""Texts as SARIF has them: a brace is written twice (section 3.11.5), and no text of a stranger becomes a link (3.11.6)."""

from __future__ import annotations

import re

from bnnaudit.reports.safe_text import safe, short

LONGEST_MESSAGE = 1000
"""Signs of a message that are shown: those of the catalogue have a few sentences. Not tuned."""
_TAG = re.compile(r"<(?=[A-Za-z/!?])")


def message(text: str) -> dict[str, str]:
    """A message object, cut where it is very long."""
    return {"text": plain_text(short(text, LONGEST_MESSAGE))}


def plain_text(line: str) -> str:
    """One line, safe to show, without placeholders and links."""
    return safe(line).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def paragraphs(text: str) -> str:
    """The same for several lines, which stay apart."""
    return "\n".join(plain_text(line) for line in text.splitlines())


def without_tags(markdown: str) -> str:
    """Markdown in which nothing is read as HTML."""
    return _TAG.sub("&lt;", markdown)
