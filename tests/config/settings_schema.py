"""Makes the JSON Schema of settings from their types; `python -m tests.config.settings_schema` writes the file that ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from bnnaudit.config import schema as published
from bnnaudit.config.settings import Settings

FILE = Path(published.__file__).with_name(published.SETTINGS)


class _Plain(GenerateJsonSchema):
    """Without null, which TOML has not, without defaults that say nothing, and without titles made of names."""

    def nullable_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def generated() -> str:
    """The text of the file."""
    made = Settings.model_json_schema(schema_generator=_Plain, ref_template="#/definitions/{model}")
    tables = made.pop("$defs")
    for table in tables.values():
        del table["title"]
        table["description"] = " ".join(table["description"].split())
    head = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "bnnaudit settings",
        "description": "bnnaudit.toml, [tool.bnnaudit] of pyproject.toml, or the card of a model (MODEL.toml).",
    }
    body = {key: value for key, value in made.items() if key not in ("title", "description")}
    return json.dumps({**head, **body, "definitions": tables}, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(generated(), encoding="utf-8")
