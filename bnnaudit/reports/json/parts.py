"""How values become JSON that any parser takes (no NaN, no infinity, no lone surrogates), and what several documents share."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from bnnaudit.core.attack import Beta
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.surrogate import Surrogate

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Scalar: TypeAlias = bool | int | float | str | None
JsonValue: TypeAlias = "Scalar | Sequence[JsonValue] | Mapping[str, JsonValue]"
JsonObject: TypeAlias = dict[str, JsonValue]


class Rows(list[Sequence[Scalar]]):
    """Many short lists alike, each written on a line of its own."""


_ENCODER = json.JSONEncoder(allow_nan=False)


def json_text(document: Mapping[str, JsonValue]) -> str:
    """The document in ASCII, indented, ending in one line break; numbers that are not finite become null."""
    return _text(strict(document), "\n") + "\n"


def _text(value: JsonValue, line: str) -> str:
    """A strict value. line: a line break and the indentation of the line in which it begins."""
    inner = f"{line}  "
    match value:
        case Rows():
            return _enclosed("[", "]", [_ENCODER.encode(row) for row in value], line)
        case str() | bool() | int() | float() | None:
            return _ENCODER.encode(value)
        case Mapping():
            entries = [f"{_ENCODER.encode(key)}: {_text(entry, inner)}" for key, entry in value.items()]
            return _enclosed("{", "}", entries, line)
        case _:
            return _enclosed("[", "]", [_text(entry, inner) for entry in value], line)


def _enclosed(start: str, end: str, entries: Sequence[str], line: str) -> str:
    return f"{start}{line}  {f',{line}  '.join(entries)}{line}{end}" if entries else start + end


def strict(value: JsonValue) -> JsonValue:
    """The same value with null for each number that is not finite, and `?` for what is not Unicode."""
    match value:
        case str():
            return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
        case float():
            return value if math.isfinite(value) else None
        case bool() | int() | None:
            return value
        case Mapping():
            return {str(strict(key)): strict(entry) for key, entry in value.items()}
        case Rows():
            return Rows([_strict_scalar(entry) for entry in row] for row in value)
        case _:
            return [strict(entry) for entry in value]


def _strict_scalar(value: Scalar) -> Scalar:
    found = strict(value)
    assert found is None or isinstance(found, bool | int | float | str)
    return found


def head(schema: str, made: Provenance) -> JsonObject:
    """How every document of a run begins."""
    tool = {"name": "bnnaudit", "version": made.version}
    return {"schema": schema, "tool": tool, **record(made, "created", "command")}


def interval(estimate: Estimate | None) -> list[float] | None:
    """Both ends of the 95 % interval."""
    return None if estimate is None else [estimate.low, estimate.high]


def figure(estimate: Estimate | None) -> JsonObject | None:
    """A fraction with its interval and its sample size."""
    if estimate is None:
        return None
    return {"value": estimate.value, "ci95": interval(estimate), "samples": estimate.n}


def figure_as(name: str, estimate: Estimate | None) -> JsonObject:
    """The same in keys of its own: `NAME_accuracy`, `NAME_ci95`, `NAME_samples`, null where nothing was measured."""
    return {
        f"{name}_accuracy": None if estimate is None else estimate.value,
        f"{name}_ci95": interval(estimate),
        f"{name}_samples": None if estimate is None else estimate.n,
    }


def record(value: DataclassInstance, *names: str) -> JsonObject:
    """The named fields and properties of a value under their own names, in order; all fields where none is named."""
    return {name: plain(getattr(value, name)) for name in names or [field.name for field in fields(value)]}


def plain(value: Any) -> JsonValue:
    """Values of the program as values of JSON.

    Tuples as lists; enumerations, temperature rules and surrogates as their text; dates in ISO 8601; bytes in base64; fractions
    with their interval and sample size; other dataclasses by all their fields.
    """
    match value:
        case tuple():
            return [plain(entry) for entry in value]
        case StrEnum() | Beta() | Surrogate():
            return str(value)
        case date():
            return value.isoformat()
        case bytes():
            return b64encode(value).decode("ascii")
        case Estimate():
            return figure(value)
    found: JsonValue = record(value) if is_dataclass(value) and not isinstance(value, type) else value
    return found


def exactly(value: Any) -> JsonValue:
    """As `plain`, but temperature rules, surrogates and budgets by all their fields, so that every digit is kept."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: exactly(getattr(value, field.name)) for field in fields(value)}
    return plain(value)
