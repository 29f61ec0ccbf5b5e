"""What several documents share."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts, Estimate
from bnnaudit.reports.json.strict import JsonValue

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def head(schema: str, made: Provenance) -> dict[str, JsonValue]:
    """How every document of a run begins."""
    return {
        "schema": schema,
        "tool": {"name": "bnnaudit", "version": made.version},
        "created": made.created,
        "command": made.command,
    }


def data_to_json(data: DataFacts) -> dict[str, JsonValue]:
    """The images of a run."""
    return {"source": data.source, "samples": data.samples, "sha256": data.sha256}


def interval(estimate: Estimate | None) -> list[float] | None:
    """Both ends of the 95 % interval."""
    return None if estimate is None else [estimate.low, estimate.high]


def record(value: DataclassInstance) -> dict[str, JsonValue]:
    """The fields of a value whose names are the document's keys, in order; enumerations as their text, tuples as lists."""
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}


def _plain(value: Any) -> JsonValue:
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    plain: JsonValue = str(value) if isinstance(value, StrEnum) else value
    return plain
