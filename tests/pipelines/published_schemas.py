"""Schemas of pipeline files that check-jsonschema ships."""

import json
from importlib.resources import files
from typing import Any


def published_schema(name: str) -> Any:
    """`github-actions`, `github-workflows` or `gitlab-ci`."""
    return json.loads((files("check_jsonschema") / f"builtin_schemas/vendor/{name}.json").read_text(encoding="utf-8"))
