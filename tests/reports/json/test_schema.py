"""The schema that ships: it takes every report that we write, describes every key, and refuses what breaks the contract."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bnnaudit.core.report import Report
from bnnaudit.reports.json.audit import report_to_json
from bnnaudit.reports.json.parts import json_text
from bnnaudit.reports.json.schema import report_schema

NAMES = ("fake", "honest", "attack", "detailed", "undecided", "claim-not-met", "straddled", "compared", "hostile")

# DESIGN's own list: what a reader of bnnaudit-report/1 may rely on, object by object.
CONTRACT = {
    "": "schema tool created command model data threat environment clean_accuracy attacks signal sweeps findings waived "
    "skipped faults verdict",
    "tool": "name version",
    "model": "path sha256 format num_classes input_shape bits nondifferentiable",
    "model.bits": "weights activations",
    "model.nondifferentiable.0": "op count",
    "data": "source samples sha256",
    "threat": "norm eps",
    "environment": "python torch onnxruntime device threads",
    "attacks.0": "method beta surrogate loss norm eps steps step_size restarts adversarial_accuracy ci95 seconds forwards "
    "backwards replayed replay_disagreements",
    "signal": "original njs hns",
    "signal.original": "jsv_mean jsv_std psi_norm gradient_norm sign_norm zero_gradient_fraction",
    "sweeps.0": "parameter attack points",
    "findings.0": "rule name severity confidence message evidence",
    "findings.0.evidence.p_value": "value unit n ci95",
    "waived.0": "rule reason until",
    "skipped.0": "check why",
    "faults.0": "check error",
    "verdict": "status claimed_accuracy verified_accuracy passed",
}
PLACES = [(place, key) for place, keys in CONTRACT.items() for key in keys.split()]


def _document(report: Report) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json_text(report_to_json(report)))
    return document


def _at(document: Any, place: str) -> Any:
    for step in place.split(".") if place else ():
        document = document[int(step) if isinstance(document, list) else step]
    return document


def _valid(document: Any) -> bool:
    return Draft202012Validator(report_schema()).is_valid(document)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(report_schema())


@pytest.mark.parametrize("name", NAMES)
def test_every_report_is_valid(reports: dict[str, Report], name: str) -> None:
    Draft202012Validator(report_schema()).validate(_document(reports[name]))


@pytest.mark.parametrize(("place", "key"), PLACES)
def test_no_key_of_the_contract_may_be_missing_or_renamed(fake: Report, place: str, key: str) -> None:
    missing = _document(fake)
    value = _at(missing, place).pop(key)
    assert not _valid(missing)
    renamed = copy.deepcopy(missing)
    _at(renamed, place)[f"{key}_renamed"] = value
    assert not _valid(renamed)


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ("", "schema", "bnnaudit-report/2"),
        ("", "clean_accuracy", 98.3),
        ("model", "format", "tflite"),
        ("model", "sha256", "abc"),
        ("model", "input_shape", []),
        ("model.bits", "weights", 0),
        ("threat", "norm", "l1"),
        ("attacks.0", "adversarial_accuracy", None),
        ("attacks.0", "ci95", [0.5]),
        ("attacks.0", "ci95", [0.5, 0.6, 0.7]),
        ("attacks.0", "beta", 0.1),
        ("attacks.0", "steps", -1),
        ("sweeps.0", "points", [[1, 0.5, 0.4]]),
        ("sweeps.0", "points", [{"value": 1}]),
        ("findings.0", "severity", "fatal"),
        ("findings.0", "rule", "XX301"),
        ("verdict", "status", "masked"),
        ("verdict", "passed", None),
        ("", "verdict", {}),
        ("", "signal", {"original": None, "njs": None, "hns": None}),
    ],
)
def test_values_outside_the_contract_are_refused(fake: Report, place: str, key: str, value: object) -> None:
    document = _document(fake)
    _at(document, place)[key] = value
    assert not _valid(document)


@pytest.mark.parametrize("place", ["", "model", "attacks.0", "sweeps.0", "findings.0", "verdict", "environment"])
def test_a_key_may_be_added_where_the_contract_allows_it(fake: Report, place: str) -> None:
    document = _document(fake)
    _at(document, place)["added_later"] = 1
    assert _valid(document)


def _undescribed(document: Any, schema: dict[str, Any], place: str = "") -> Iterator[str]:
    """Keys that occur in a document and that its schema does not name."""
    root = report_schema()
    options = [schema, *schema.get("oneOf", [])]
    options = [root["$defs"][one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one for one in options]
    if isinstance(document, dict):
        named = {key: value for one in options for key, value in one.get("properties", {}).items()}
        others = next((one["additionalProperties"] for one in options if one.get("additionalProperties")), None)
        for key, value in document.items():
            if key not in named and others is None:
                yield f"{place}.{key}"
            else:
                yield from _undescribed(value, named.get(key, others), f"{place}.{key}")
    elif isinstance(document, list):
        items = next((one["items"] for one in options if one.get("items")), {})
        for value in document:
            yield from _undescribed(value, items, f"{place}[]")


@pytest.mark.parametrize("name", NAMES)
def test_every_key_that_we_write_is_described(reports: dict[str, Report], name: str) -> None:
    assert list(_undescribed(_document(reports[name]), report_schema())) == []


def test_the_description_walk_sees_an_unknown_key(fake: Report) -> None:
    document = _document(fake)
    document["attacks"][0]["stray"] = document["verdict"]["stray"] = 1
    assert list(_undescribed(document, report_schema())) == [".attacks[].stray", ".verdict.stray"]
