"""The largest numbers that options and cards take, and whether the limits on files from strangers (`file_limits.py`) hold.

Beyond the former libraries overflow, or the machine hangs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

from bnnaudit.core.errors import UsageError

LARGEST_COUNT = 2**31 - 1
"""PyTorch counts threads and images in integers of C."""
LARGEST_SEED = 2**63 - 1
"""Generators are seeded with 64 bits."""
MOST_THREADS = 1024
"""More than any machine benefits from; 100,000 could not be stopped within a minute. Not tuned."""
MOST_STEPS = 10_000
"""Of an attack; published ones take up to 1,000, Carlini and Wagner's 10,000. Not tuned."""
MOST_RESTARTS = 1_000
"""Published attacks start up to 100 times. Not tuned."""
MOST_GRADIENTS = 1_000_000
"""Of an attack on one image, steps times restarts or a budget: at a millisecond each a quarter of an hour. Not tuned."""
MOST_QUERIES = 10_000_000
"""Forward passes of an attack on one image; published ones take up to 100,000. Not tuned."""
LONGEST_BUDGET = 604_800
"""Seconds: a week. Not tuned."""
LARGEST_NUMBER = 1e10
"""Magnitude of a pixel's value, a mean, a deviation, a width or a temperature; single precision overflows at 3e38, and what is
computed from such numbers before that. Not tuned."""
SMALLEST_NUMBER = 1e-9
"""Of a number that is divided by, or multiplies what is divided by. Not tuned."""
RESOLUTION = 2.0**-15
"""Least width of a range as a part of its ends: single precision has 24 bits, which then leave 8 for a pixel."""


def problem_of_range(low: float, high: float) -> str:
    """What keeps the values from low to high from being pixels in single precision, in words; empty where nothing does."""
    if not -LARGEST_NUMBER <= low < high <= LARGEST_NUMBER:
        return f"[{low:g}, {high:g}] reaches beyond {LARGEST_NUMBER:g}, where images in single precision become infinite or NaN"
    if high - low < max(SMALLEST_NUMBER, RESOLUTION * max(abs(low), abs(high))):
        return f"[{low:g}, {high:g}] is too narrow for single precision to tell its values apart"
    return ""


class Limits(StrEnum):
    """Whether the limits on files from strangers hold: `default`, or `none`, for files that are trusted."""

    DEFAULT = "default"
    NONE = "none"


_LIMITS: ContextVar[Limits] = ContextVar("limits", default=Limits.DEFAULT)


def limits_of(text: Limits | str | None) -> Limits:
    """The limits on files that a caller asks for, the default ones for None; raises UsageError for other words."""
    try:
        return Limits.DEFAULT if text is None else Limits(text)
    except ValueError:
        raise UsageError(f"limits: {str(text)[:80]!r} is not one of {', '.join(Limits)}") from None


def limited() -> bool:
    """Whether the limits on files hold."""
    return _LIMITS.get() is Limits.DEFAULT


@contextmanager
def limits_set(limits: Limits) -> Iterator[None]:
    """With these limits on files while it is entered."""
    token = _LIMITS.set(limits)
    try:
        yield
    finally:
        _LIMITS.reset(token)
