"""The published JSON Schema of settings: the same keys, the same values allowed and refused, as the types that read them."""

from __future__ import annotations

import datetime
import json
import tomllib
from collections.abc import Iterator
from typing import Any, get_args

import jsonschema
import pytest
from pydantic import BaseModel

from bnnaudit.config.card import Settings, parse_settings
from bnnaudit.config.schema import settings_schema_text
from bnnaudit.core.errors import SettingsError
from tests.config import test_card, test_policy
from tests.config.settings_schema import generated

SCHEMA = json.loads(settings_schema_text())
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def test_the_file_that_ships_is_that_of_the_types() -> None:
    assert settings_schema_text() == generated(), "run python -m tests.config.settings_schema"
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def tables(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A table and those within it."""
    yield kind
    for field in kind.model_fields.values():
        for inner in parts(field.annotation):
            yield from tables(inner)


def parts(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [table for part in get_args(annotation) for table in parts(part)]


def described(name: str) -> dict[str, Any]:
    return SCHEMA if name == "Settings" else SCHEMA["definitions"][name]


def test_both_have_the_same_keys_and_every_key_is_described() -> None:
    known = {table.__name__: table for table in tables(Settings)}
    assert set(SCHEMA["definitions"]) == set(known) - {"Settings"}
    for name, table in known.items():
        schema = described(name)
        assert set(schema["properties"]) == set(table.model_fields)
        assert schema["additionalProperties"] is False
        assert set(schema.get("required", ())) == {key for key, one in table.model_fields.items() if one.is_required()}
        for key, entry in schema["properties"].items():
            meant = schema["properties"][key]
            text = meant.get("description") or described(meant["$ref"].rpartition("/")[2])["description"]
            assert text[0].isupper() or text.startswith(("[", "eps")), (name, key)
            assert "null" not in json.dumps(entry), (name, key)


def plain(value: Any) -> Any:
    """As editors see TOML: a date is text."""
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


@pytest.mark.parametrize("text", ["", test_card.FULL.replace("clipped", "tanh"), test_policy.FULL])
def test_it_takes_what_the_types_take(text: str) -> None:
    values = tomllib.loads(text)
    parse_settings(values, "test")
    assert list(VALIDATOR.iter_errors(plain(values))) == []


BEYOND = ("mean has", "twice", "lower bound", "tanhh", "1e999", "'inf'", "nan", "-02-30")
"""Problems that a schema cannot tell: of two keys together, names with arguments, numbers too large, and days of a month."""
REFUSED = [(text, message) for text, message in [*test_card.PROBLEMS, *test_policy.PROBLEMS] if text != "eps = "]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_it_refuses_what_the_types_refuse(text: str, message: str) -> None:
    values = tomllib.loads(text)
    with pytest.raises(SettingsError):
        parse_settings(values, "test")
    if "step_size = 0" in text or any(word in message for word in BEYOND):
        return
    assert list(VALIDATOR.iter_errors(plain(values))), text


@pytest.mark.parametrize("share", ["0.3", ".3", "1", "1.0", "0", "30%", "30 %", "100%", "0.5%"])
def test_a_share_that_both_take(share: str) -> None:
    values = {"policy": {"min_clean": share}}
    parse_settings(values, "test")
    VALIDATOR.validate(values)


@pytest.mark.parametrize("share", ["1.1", "30", "", "%", "-1", "-5%", "0,3", "30%%", "100.1%", "120%"])
def test_a_share_that_both_refuse(share: str) -> None:
    values = {"policy": {"min_clean": share}}
    with pytest.raises(SettingsError):
        parse_settings(values, "test")
    assert not VALIDATOR.is_valid(values)
