"""The closed lists of the schemas are those of the code. Each names its enumeration in `$comment`: one without is refused."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from enum import StrEnum
from importlib.resources import files
from typing import Any

import pytest

from bnnaudit.reports.json import schema

FILES = sorted(entry.name for entry in files(schema.__name__).iterdir() if entry.name.endswith(".json"))
ALTERNATIVES = re.compile(r"\(([^()?]*\|[^()]*)\)")
"""A list of words in a pattern: `(a|b)`."""


def nodes(document: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every subschema with a closed list, an `enum` or the alternatives of a `pattern`, and where it stands."""
    if isinstance(document, dict):
        pattern = document.get("pattern")
        if isinstance(document.get("enum"), list) or (isinstance(pattern, str) and ALTERNATIVES.search(pattern)):
            yield place, document
        for key, value in document.items():
            yield from nodes(value, f"{place}/{key}")
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from nodes(value, f"{place}/{index}")


LISTS = [
    pytest.param(node, id=f"{name}{place}")
    for name in FILES
    for place, node in nodes(json.loads(files(schema.__name__).joinpath(name).read_text(encoding="utf-8")))
]


def listed(node: dict[str, Any]) -> list[list[str]]:
    """Each closed list of a subschema; null aside, which says that there is none."""
    if "enum" in node:
        return [[value for value in node["enum"] if value is not None]]
    return [words.split("|") for words in ALTERNATIVES.findall(node["pattern"])]


def enumeration(comment: str) -> list[str]:
    """The values of `package.module.Class`, or of `package.module.Class - value` without that one."""
    path, *without = comment.split(" - ")
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert issubclass(found, StrEnum)
    assert set(without) <= set(found)
    return [str(value) for value in found if str(value) not in without]


@pytest.mark.parametrize("node", LISTS)
def test_a_closed_list_is_the_enumeration_of_the_code(node: dict[str, Any]) -> None:
    assert "$comment" in node, "name the enumeration that the list is of in $comment"
    for words in listed(node):
        assert set(words) == set(enumeration(node["$comment"]))
        assert len(words) == len(set(words))


def test_the_walk_finds_every_list() -> None:
    """As many as a plain search finds, so that none hides in a corner that the walk does not reach."""
    texts = [files(schema.__name__).joinpath(name).read_text(encoding="utf-8") for name in FILES]
    patterns = [json.loads(f'"{found}"') for text in texts for found in re.findall(r'"pattern": "(.*)"', text)]
    closed = [pattern for pattern in patterns if ALTERNATIVES.search(pattern)]
    assert len(LISTS) == sum(text.count('"enum": [') for text in texts) + len(closed)
    assert len(LISTS) > 20


def test_a_forgotten_value_is_seen() -> None:
    assert (
        listed({"enum": ["error", "note", None]})
        == [["error", "note"]]
        != [enumeration("bnnaudit.core.finding.Severity")]
    )
    assert listed({"pattern": "^(GM|SP)[0-9]{3}( (GM|MF))?$"}) == [["GM", "SP"], ["GM", "MF"]]
