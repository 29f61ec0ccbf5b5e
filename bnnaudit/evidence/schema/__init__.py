"""The JSON Schemas of evidence, as data of the package."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def evidence_schema(name: str) -> dict[str, Any]:
    """The schema of a document by its `schema` key: `bnnaudit-evidence/1`, a manifest, or `bnnaudit-verification/1`."""
    path = files(__name__).joinpath(f"{name.replace('/', '-')}.json")
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema
