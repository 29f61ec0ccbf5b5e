"""An object of a JSON document from strangers, read entry by entry."""

from __future__ import annotations

import math
import re
from typing import Any

from bnnaudit.evidence.errors import RefusedError
from bnnaudit.evidence.stores import MANIFEST

LARGEST = 1e30
"""A larger number is none of an image or a network in single precision."""


class Table:
    """An object of the manifest; RefusedError names what is missing in it or of the wrong kind."""

    def __init__(self, entries: object, where: str = "") -> None:
        if not isinstance(entries, dict):
            raise RefusedError(f"{MANIFEST}: {where or 'the whole'} is no object")
        self.entries: dict[str, Any] = entries
        self.where = f"{where}." if where else ""

    def table(self, key: str) -> Table:
        """An object."""
        return Table(self.entries.get(key), self.where + key)

    def tables(self, key: str) -> list[Table]:
        """A list of objects."""
        return [Table(entry, f"{self.where}{key}[{place}]") for place, entry in enumerate(self.list(key))]

    def text(self, key: str, *choices: str) -> str:
        """A text, one of the choices where there are any."""
        value = self.entries.get(key)
        if not isinstance(value, str) or (choices and value not in choices):
            raise self.wrong(key, f"one of {', '.join(map(repr, choices))}" if choices else "a text")
        return value

    def digest(self, key: str) -> str:
        """A SHA-256."""
        value = self.text(key)
        if not re.fullmatch("[0-9a-f]{64}", value):
            raise self.wrong(key, "a SHA-256")
        return value

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self.entries.get(key)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def number(self, key: str, least: float = -math.inf) -> float:
        """A finite number of at least `least`."""
        return self.checked(key, self.entries.get(key), least)

    def count(self, key: str, least: int = 0, most: int = 2**40) -> int:
        """A whole number."""
        value = self.entries.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(key, f"a whole number from {least} to {most}")
        return value

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of finite numbers."""
        return tuple(self.checked(key, value, -math.inf) for value in self.list(key))

    def counts(self, key: str, least: int, most: int) -> tuple[int, ...]:
        """A list of whole numbers."""
        values = self.numbers(key)
        if not all(value.is_integer() and least <= value <= most for value in values):
            raise self.wrong(key, f"a list of whole numbers from {least} to {most}")
        return tuple(int(value) for value in values)

    def list(self, key: str) -> list[Any]:
        """A list of anything."""
        value = self.entries.get(key)
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return value

    def checked(self, key: str, value: object, least: float) -> float:
        """A finite number of at least `least`."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < LARGEST or value < least:
            raise self.wrong(key, "a number" if least == -math.inf else f"a number of at least {least:g}")
        return float(value)

    def wrong(self, key: str, wanted: str) -> RefusedError:
        """What to raise for an entry."""
        return RefusedError(f"{MANIFEST}: {self.where}{key} is not {wanted}")
