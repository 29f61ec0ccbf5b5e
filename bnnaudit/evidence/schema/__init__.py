"""The JSON Schemas of evidence, as data of the package."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from typing import Any

FILES = ("bnnaudit-evidence-1.json", "bnnaudit-verification-1.json")


def evidence_schema(name: str) -> dict[str, Any]:
    """The schema of a document by its `schema` key: `bnnaudit-evidence/1`, a manifest, or `bnnaudit-verification/1`."""
    schema: dict[str, Any] = json.loads(evidence_schemas()[f"{name.replace('/', '-')}.json"]())
    return schema


def evidence_schemas() -> Mapping[str, Callable[[], str]]:
    """The files of all schemas, and how each is read as text."""
    return {name: partial(files(__name__).joinpath(name).read_text, encoding="utf-8") for name in FILES}
