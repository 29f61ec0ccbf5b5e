"""The text of a rule as paragraphs, lists and code, so that a template can set it without reading it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Span:
    """Words of one kind."""

    text: str
    code: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph (one entry), or the entries of a list."""

    listed: bool
    entries: tuple[tuple[Span, ...], ...]


def blocks(text: str, most: int) -> tuple[Block, ...]:
    """The first `most` characters: paragraphs apart by an empty line, lines that begin with `- ` as a list."""
    found: list[Block] = []
    for paragraph in re.split(r"\n\s*\n", text[:most].strip()):
        words: list[str] = []
        entries: list[str] = []
        for line in paragraph.splitlines():
            (entries if line.startswith("- ") else words).append(line.removeprefix("- ").strip())
        if words:
            found.append(Block(False, (spans(" ".join(words)),)))
        if entries:
            found.append(Block(True, tuple(spans(entry) for entry in entries)))
    return tuple(found)


def spans(text: str) -> tuple[Span, ...]:
    """Words, and what stands between backticks as code."""
    parts = _CODE.split(text)
    return tuple(Span(part, index % 2 == 1) for index, part in enumerate(parts) if part)
