"""The JSON Schemas that ship with the package, one file a version of the report."""

import json
from importlib.resources import files
from typing import Any

REPORT_SCHEMA = "bnnaudit-report-1.json"


def report_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of bnnaudit-report/1."""
    schema: dict[str, Any] = json.loads(files(__name__).joinpath(REPORT_SCHEMA).read_text(encoding="utf-8"))
    return schema
