"""JSON that any parser takes: no NaN, no infinity, no lone surrogates."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"


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
