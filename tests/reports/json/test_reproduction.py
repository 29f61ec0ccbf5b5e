"""The JSON of the paper's tables, against its schema, and read back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from bnnaudit.core.errors import ReportError
from bnnaudit.core.reproduction import TableName
from bnnaudit.reports.json.reading import read_any, read_document
from bnnaudit.reports.json.schema import report_schema, schema_of
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page
from tests.reports.reproductions import reproduction

REGISTRY: Registry[Any] = Resource.from_contents(report_schema()) @ Registry()
NAMES = (TableName.TABLE8, TableName.TABLE13, TableName.FIGURE1, TableName.FIGURE4)


def document(*names: TableName) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(write_json(reproduction(*names), Page()))
    return written


def validator() -> Draft202012Validator:
    return Draft202012Validator(schema_of("bnnaudit-reproduction/2"), registry=REGISTRY)


@pytest.mark.parametrize("name", list(TableName))
def test_the_schema_takes_what_is_written(name: TableName) -> None:
    validator().check_schema(schema_of("bnnaudit-reproduction/2"))
    validator().validate(document(name))


def objects(node: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of every key of every object, one of each kind of place."""
    if isinstance(node, dict):
        below = [one for key, value in node.items() for one in objects(value, (*place, key))]
        return [*((*place, key) for key in node), *below]
    return objects(node[0], (*place, 0)) if isinstance(node, list) and node else []


REQUIRED = [place for place in objects(document()) if place[-1] != "thread_dependent"]
"""An earlier report has no such key."""


@pytest.mark.parametrize("place", REQUIRED, ids=lambda place: ".".join(map(str, place)))
def test_no_key_may_be_missing(place: tuple[Any, ...]) -> None:
    broken = document()
    at: Any = broken
    for part in place[:-1]:
        at = at[part]
    del at[place[-1]]
    assert not validator().is_valid(broken)


@pytest.mark.parametrize("names", [(), NAMES, tuple(TableName)])
def test_what_is_read_back_is_what_was_written(names: tuple[TableName, ...]) -> None:
    made = reproduction(*names)
    text = write_json(made, Page())
    assert read_any(text, "it") == made
    assert write_json(read_any(text, "it"), Page()) == text


def test_a_row_holds_our_figure_the_paper_s_and_the_difference() -> None:
    row = document()["tables"][0]["models"][0]["rows"][1]
    assert (row["key"], row["name"], row["paper"]) == ("square", "Square", "16.67")
    assert (row["cell"]["value"], row["cell"]["samples"]) == (0.995, 200)
    assert row["cell"]["ci95"] == pytest.approx([0.9722, 0.9991], abs=1e-4)
    assert row["difference"] == pytest.approx(99.5 - 16.67)
    assert (row["attack"]["method"], row["attack"]["queries"], row["attack"]["eps"]) == ("square", 5000, 8 / 255)
    own = document()["tables"][0]["models"][1]["rows"][1]
    assert (own["paper"], own["difference"]) == ("", None)


def test_a_claim_is_written_with_what_speaks_for_it() -> None:
    (claim,) = document()["tables"][0]["models"][0]["claims"]
    assert (claim["outcome"], claim["why"], claim["p_value"]) == ("holds", "", pytest.approx(0.5))
    assert [(figure["name"], figure["cell"]["value"]) for figure in claim["figures"]] == [
        ("PGD++ HNS", 0.985),
        ("Square", 0.995),
    ]


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("tables", 0, "models", 0, "rows", 0, "paper"), "much", "tables[0].models[0].rows[0].paper"),
        (("tables", 0, "missing", 0, "figures", 0, "paper"), "", "a figure such as 26.98"),
        (("tables", 0, "name"), "table6", "tables[0].name"),
        (("tables", 0, "models", 0, "rows", 0, "cell"), 0.5, "rows[0].cell"),
        (("schema",), "bnnaudit-reproduction/1", "another version"),
    ],
)
def test_what_was_edited_is_refused_by_its_place(path: tuple[Any, ...], value: object, words: str) -> None:
    broken = document()
    at: Any = broken
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    with pytest.raises(ReportError, match="it: ") as refused:
        read_any(json.dumps(broken), "it")
    assert words in str(refused.value)


def test_it_is_no_audit() -> None:
    with pytest.raises(ReportError, match="bnnaudit-reproduction/2, not one of"):
        read_document(write_json(reproduction(), Page()), "it")
