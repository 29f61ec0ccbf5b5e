"""The JSON of several audits, and of one that gave no report, against their schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.json.schema import report_schema, schema_of
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page

SUITE, FAILURE = "bnnaudit-suite/1", "bnnaudit-failure/1"
REGISTRY: Registry[Any] = Registry().with_resources(
    [(schema["$id"], Resource.from_contents(schema)) for schema in (report_schema(), schema_of(FAILURE))]
)


def document(of: Suite | Failure) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(write_json(of, Page()))
    return written


def validator(name: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema_of(name))
    return Draft202012Validator(schema_of(name), registry=REGISTRY)


def test_the_schemas_take_what_is_written(suite: Suite, failure: Failure) -> None:
    validator(SUITE).validate(document(suite))
    validator(FAILURE).validate(document(failure))


@pytest.mark.parametrize("name", [SUITE, FAILURE])
def test_every_key_is_described_and_none_may_be_missing(suite: Suite, failure: Failure, name: str) -> None:
    written = document(suite if name == SUITE else failure)
    properties = schema_of(name)["properties"]
    assert set(written) == set(properties)
    for key, schema in properties.items():
        assert "$ref" in schema or schema["description"]
        broken = {**written}
        del broken[key]
        assert not validator(name).is_valid(broken), key


def test_a_suite_says_what_each_entry_is_and_exits_with_the_worst(suite: Suite) -> None:
    written = document(suite)
    assert [entry["schema"] for entry in written["entries"]] == ["bnnaudit-report/1", "bnnaudit-report/1", FAILURE]
    assert [entry["exit_code"] for entry in written["entries"]] == [1, 0, 2]
    assert written["exit_code"] == 2


def test_a_failure_says_what_is_wrong_and_never_that_it_passed(failure: Failure) -> None:
    written = document(failure)
    assert (written["model"], written["message"]) == (failure.model, failure.message)
    for passed in (0, ExitCode.PASSED):
        assert not validator(FAILURE).is_valid({**written, "exit_code": passed})
