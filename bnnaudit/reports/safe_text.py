# ruff: noqa: RUF001 - signs that are easily confused are the subject here
"""Text that came from outside, made safe to show: nothing in a path or a model's metadata may steer the terminal."""

import re

LONGEST_NAME = 200
"""Signs of a name that are shown: longer than any path that people choose. Not tuned."""

_SPELLED = str.maketrans(
    {
        "±": "+/-", "≥": ">=", "≤": "<=", "≠": "!=", "≈": "~", "‖": "||", "×": "x", "→": "->", "…": "...", "–": "-", "—": "-",
        "“": '"', "”": '"', "‘": "'", "’": "'", "·": "-", "∞": "inf",
        "ε": "eps", "β": "beta", "ψ": "psi", "ρ": "rho", "γ": "gamma", "σ": "sigma",
    }
)  # fmt: skip

# Drawing signs, one for one, so that a finished layout keeps its columns.
_DRAWN = str.maketrans(
    {
        "─": "-", "│": "|", "┤": "+", "└": "+", "━": "=", "·": "-", "×": "x", "–": "-", "•": "*", "…": ".",
        "█": "#", "▉": "#", "▊": "#", "▋": "#", "▌": "#", "▍": " ", "▎": " ", "▏": " ",
        "▁": "_", "▂": "_", "▃": "_", "▄": "=", "▅": "=", "▆": "#", "▇": "#",
    }
)  # fmt: skip


def safe(text: str) -> str:
    """One line in which every sign can be seen: white space becomes a space, anything unprintable its escape (`\\x1b`).

    Unprintable are control codes, direction marks, and the lone surrogates of a file name that is not UTF-8.
    """
    return "".join(_shown(sign) for sign in text)


def short(text: str, longest: int = LONGEST_NAME) -> str:
    """A name or a message from outside as one safe line, cut where it is very long, with its length in signs."""
    if len(text) <= longest:
        return safe(text)
    return f"{safe(text[: longest - 20])}… ({len(text):,} characters)"


def file_name(path: str) -> str:
    """The last part of a model's path, after / or \\, as a safe name; `model` where there is none."""
    return short(re.split(r"[\\/]", path.rstrip("\\/"))[-1] or "model")


def abridged(text: str, longest: int) -> str:
    """A message from outside as one safe line; where it is very long, its middle is left out, for its end says what to do."""
    if len(text) <= longest:
        return safe(text)
    tail = longest // 4
    return f"{safe(text[: longest - tail])}… ({len(text):,} characters) …{safe(text[-tail:])}"


def _shown(sign: str) -> str:
    if sign.isprintable():
        return sign
    return " " if sign.isspace() else sign.encode("unicode_escape").decode("ascii")


def spelled_in_ascii(text: str) -> str:
    """The signs of our own prose in ASCII (`≥` as `>=`), before the layout."""
    return text.translate(_SPELLED)


def drawn_in_ascii(text: str) -> str:
    """A finished layout in ASCII, sign for sign; what has no likeness becomes `?`."""
    return text.translate(_DRAWN).encode("ascii", "replace").decode("ascii")
