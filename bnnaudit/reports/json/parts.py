"""How values become JSON that any parser takes (no NaN, no infinity, no lone surrogates), and what several documents share."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from bnnaudit.core.attack import Beta
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.surrogate import Surrogate

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]


def json_text(document: Mapping[str, JsonValue]) -> str:
    """The document in ASCII, indented, ending in one line break; numbers that are not finite become null."""
    return json.dumps(strict(document), indent=2, allow_nan=False) + "\n"


def strict(value: JsonValue) -> JsonValue:
    """The same value with null for each number that is not finite, and `?` for what is not Unicode."""
    match value:
        case bool() | int() | None:
            return value
        case float():
            return value if math.isfinite(value) else None
        case str():
            return value.encode("utf-8", "replace").decode("utf-8")
        case Mapping():
            return {str(strict(key)): strict(entry) for key, entry in value.items()}
        case _:
            return [strict(entry) for entry in value]


def head(schema: str, made: Provenance) -> JsonObject:
    """How every document of a run begins."""
    tool = {"name": "bnnaudit", "version": made.version}
    return {"schema": schema, "tool": tool, **record(made, "created", "command")}


def interval(estimate: Estimate | None) -> list[float] | None:
    """Both ends of the 95 % interval."""
    return None if estimate is None else [estimate.low, estimate.high]


def record(value: DataclassInstance, *names: str) -> JsonObject:
    """The named fields and properties of a value under their own names, in order; all fields where none is named."""
    return {name: plain(getattr(value, name)) for name in names or [field.name for field in fields(value)]}


def plain(value: Any) -> JsonValue:
    """Tuples as lists; enumerations, temperature rules and surrogates as their text; other dataclasses by all their fields."""
    if isinstance(value, tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, StrEnum | Beta | Surrogate):
        return str(value)
    found: JsonValue = record(value) if is_dataclass(value) and not isinstance(value, type) else value
    return found
