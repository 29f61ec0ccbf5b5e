"""Values of a JSON document with the place where each stands, so that whatever is wrong is named by its place."""

from __future__ import annotations

import json
import math
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from bnnaudit.core.errors import ReportError
from bnnaudit.core.estimate import Estimate

Value = TypeVar("Value")

LARGEST = 2**63
"""Whole numbers are below it, as in most other readers of JSON."""
_SHOWN = 40
"""Characters of a value that a message quotes. Not tuned."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value, and where it stands in the document, as in `attacks[0].settings.beta`; every method raises ReportError."""

    value: Any
    place: str = ""

    def __getitem__(self, key: str) -> Node:
        """What an object holds under a key."""
        entries = self.object()
        place = f"{self.place}.{key}" if self.place else key
        if key not in entries:
            raise ReportError(f"{place} is missing")
        return Node(entries[key], place)

    def added(self, key: str) -> Node:
        """What an object holds under a key that earlier versions did not write: null where it is missing."""
        return self[key] if key in self.object() else Node(None, key)

    def object(self) -> dict[str, Any]:
        """The entries of an object."""
        if not isinstance(self.value, dict):
            raise self.refused("an object")
        return self.value

    def items(self) -> Iterator[tuple[str, Node]]:
        """Keys and values of an object."""
        for key in self.object():
            yield key, self[key]

    def entries(self) -> list[Node]:
        """The entries of a list."""
        if not isinstance(self.value, list):
            raise self.refused("a list")
        return [Node(entry, f"{self.place}[{index}]") for index, entry in enumerate(self.value)]

    def pair(self) -> tuple[Node, Node]:
        """The entries of a list of two."""
        entries = self.entries()
        if len(entries) != 2:
            raise self.refused("a list of two")
        return entries[0], entries[1]

    def text(self) -> str:
        """A string."""
        if not isinstance(self.value, str):
            raise self.refused("a text")
        return self.value

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.refused("true or false")
        return self.value

    def whole(self, least: int = -LARGEST) -> int:
        """A whole number of at least `least`."""
        if type(self.value) is not int or not least <= self.value < LARGEST:
            raise self.refused("a whole number" + ("" if least == -LARGEST else f" of at least {least}"))
        return self.value

    def number(self) -> float:
        """A number, NaN for null, which stands for every number that is not finite; whole numbers stay whole."""
        if self.value is None:
            return math.nan
        whole = type(self.value) is int and abs(self.value) < LARGEST
        if not whole and not (type(self.value) is float and math.isfinite(self.value)):
            raise self.refused("a number")
        return self.value  # type: ignore[no-any-return]

    def finite(self) -> float:
        """A number."""
        if self.value is None:
            raise self.refused("a number")
        return self.number()

    def fraction(self) -> float:
        """A number from 0 to 1."""
        value = self.finite()
        if not 0 <= value <= 1:
            raise self.refused("a number from 0 to 1")
        return value

    def read(self, kind: type[Value]) -> Value:
        """A value of this type, as `plain` and `exactly` write it."""
        value: Value = value_of(kind, self)
        return value

    def refused(self, wanted: str) -> ReportError:
        """The error for a value that is something else."""
        return ReportError(f"{self.place or 'the document'} is {self._shown()}, not {wanted}")

    def _shown(self) -> str:
        match self.value:
            case dict():
                return "an object"
            case list():
                return f"a list of {len(self.value)}"
            case int() if type(self.value) is int and abs(self.value) >= LARGEST:
                return "a huge number"
            case _:
                shown = json.dumps(self.value)
                return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def value_of(kind: Any, node: Node) -> Any:
    """A value of the annotated type of a field; raises ReportError where the document holds none."""
    if get_origin(kind) in (Union, UnionType):
        (other,) = (one for one in get_args(kind) if one is not NoneType)
        return None if node.value is None else value_of(other, node)
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), node)
    if kind is Estimate:
        low, high = node["ci95"].pair()
        return Estimate(node["value"].finite(), low.finite(), high.finite(), node["samples"].whole(0))
    if is_dataclass(kind) and isinstance(kind, type):
        return kind(**fields_of(kind, node))
    if issubclass(kind, StrEnum):
        if node.value not in tuple(kind):
            raise node.refused(f"one of {', '.join(kind)}")
        return kind(node.value)
    return _SCALARS[kind](node)


def _tuple(kinds: tuple[Any, ...], node: Node) -> tuple[Any, ...]:
    entries = node.entries()
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(value_of(kinds[0], entry) for entry in entries)
    if len(entries) != len(kinds):
        raise node.refused(f"a list of {len(kinds)}")
    return tuple(value_of(kind, entry) for kind, entry in zip(kinds, entries, strict=True))


def fields_of(kind: Any, node: Node, *names: str) -> dict[str, Any]:
    """The named fields of a dataclass from the keys of the same names; all fields where none is named.

    A field with a default keeps it where the document lacks the key: one that an earlier version wrote knew no such field.
    """
    hints, entries = _hints(kind), node.object()
    optional = {field.name for field in fields(kind) if field.default is not MISSING}
    wanted = names or [field.name for field in fields(kind)]
    return {name: value_of(hints[name], node[name]) for name in wanted if name in entries or name not in optional}


@lru_cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _day(node: Node) -> date:
    try:
        return date.fromisoformat(node.text())
    except ValueError:
        raise node.refused("a day such as 2030-01-31") from None


def _bytes(node: Node) -> bytes:
    try:
        return b64decode(node.text(), validate=True)
    except (NotBase64, ValueError):
        raise node.refused("base64") from None


_SCALARS = {str: Node.text, bool: Node.flag, int: Node.whole, float: Node.number, date: _day, bytes: _bytes}
