"""The JSON of a reproduced table, against its schema."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from bnnaudit.core.facts import ModelFacts
from bnnaudit.experiments.values import TableName
from bnnaudit.reports.json.schema import report_schema, schema_of
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page
from tests.reports.reproductions import reproduction

REGISTRY: Registry[Any] = Resource.from_contents(report_schema()) @ Registry()


def document(facts: ModelFacts, name: TableName = TableName.TABLE8) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(write_json(reproduction(facts, name), Page()))
    return written


def validator() -> Draft202012Validator:
    return Draft202012Validator(schema_of("bnnaudit-reproduction/1"), registry=REGISTRY)


@pytest.mark.parametrize("name", [TableName.TABLE5, TableName.TABLE8])
def test_the_schema_takes_what_is_written(facts: ModelFacts, name: TableName) -> None:
    validator().check_schema(schema_of("bnnaudit-reproduction/1"))
    validator().validate(document(facts, name))


@pytest.mark.parametrize("key", ["claim", "outcome", "figures", "p_value", "why"])
def test_no_key_of_a_claim_may_be_missing(facts: ModelFacts, key: str) -> None:
    broken = document(facts)
    del broken["models"][0]["claims"][0][key]
    assert not validator().is_valid(broken)


def test_a_claim_is_written_with_what_speaks_for_it(facts: ModelFacts) -> None:
    (claim,) = document(facts)["models"][0]["claims"]
    assert claim == {
        "claim": "PGD++ is at least as strong as every attack without a temperature.",
        "outcome": "holds",
        "figures": [
            {
                "row": "PGD++ HNS, tanh:4..0.5:reach",
                "column": "accuracy",
                "cell": {"value": 0.98, "ci95": [0.941, 1.0], "samples": 200},
            },
            {"row": "Square", "column": "accuracy", "cell": {"value": 0.995, "ci95": [0.941, 1.0], "samples": 200}},
        ],
        "p_value": pytest.approx(0.25),
        "why": None,
    }
