"""The JSON Schemas that ship with the package, one file per version of a document."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from typing import Any


def report_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of bnnaudit-report/1."""
    return schema_of("bnnaudit-report/1")


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema of a document by its `schema` key."""
    path = files(__name__).joinpath(f"{name.replace('/', '-')}.json")
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def report_schemas() -> Mapping[str, Callable[[], str]]:
    """The files of all schemas, and how each is read as text."""
    found = sorted(
        (entry for entry in files(__name__).iterdir() if entry.name.endswith(".json")), key=lambda one: one.name
    )
    return {entry.name: partial(entry.read_text, encoding="utf-8") for entry in found}
