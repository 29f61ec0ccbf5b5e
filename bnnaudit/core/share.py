"""How people write a part of a whole."""

import re

from bnnaudit.core.errors import UsageError


def parse_share(text: str) -> float:
    """A fraction from `0.3` or `30%`; raises UsageError for anything outside 0 to 1."""
    number, percent, rest = text.strip().partition("%")
    if not re.fullmatch(r"[0-9]*\.?[0-9]+|[0-9]+\.", number.strip()) or rest:
        raise UsageError(f"share: {text!r} is not a fraction; write 0.3 or 30%")
    value = float(number) / 100 if percent else float(number)
    if not value <= 1:
        raise UsageError(f"share: {text!r} is above the whole; write a fraction such as 0.3, or 30%")
    return value
