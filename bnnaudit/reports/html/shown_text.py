"""Text from outside as a page shows it: in signs that can be seen, and not at any length."""

from bnnaudit.reports.safe_text import safe

NAME = 200
"""Characters shown of a name, such as a path or a class. Not tuned."""


def cut(text: str, most: int) -> str:
    """The first `most` characters, with an ellipsis in the place of what is left out."""
    shown = safe(text[: most + 1])
    return shown if len(shown) <= most and len(text) <= most else f"{shown[: most - 1]}…"


def name(text: str) -> str:
    """A name as far as a reader needs it to tell it from others."""
    return cut(text, NAME)
