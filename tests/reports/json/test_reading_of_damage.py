"""What is no report, or no longer one, is refused in one line that names the file and the place."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bnnaudit.core.errors import AuditError, ReportError
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.formats import ReportFormat, render
from bnnaudit.reports.json.reading import read_bytes, read_document, read_file
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page

PAGE = Page(80)
NEST = 100_000


def written(document: Report | Suite | Failure) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(write_json(document, PAGE))
    return found


def refusal(text: str) -> str:
    with pytest.raises(ReportError) as caught:
        read_document(text, "audit.json")
    message = str(caught.value)
    assert message.startswith("audit.json: ")
    assert len(message.splitlines()) == 1
    assert len(message) < 400
    return message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON from line 1, column 1"),
        ("PASS  robust", "is not JSON from line 1, column 1"),
        ("[" * NEST + "]" * NEST, "nested too deeply"),
        ('{"schema":' * NEST, "nested too deeply"),
        ("[]", "the document is a list of 0, not an object"),
        ("null", "the document is null, not an object"),
        ("{}", "has no key `schema`"),
        ('{"schema": 1}', "schema is 1, not a text"),
        ('{"schema": "bnnaudit-report/2"}', "it is bnnaudit-report/2, which another version of bnnaudit writes"),
        ('{"schema": "bnnaudit-clever/1"}', "it is bnnaudit-clever/1, not one of bnnaudit-report/1"),
        ('{"schema": "bnnaudit-report/1"}', "tool is missing"),
        ('{"schema": NaN}', "a number that no report has (NaN)"),
        ('{"schema": -Infinity}', "a number that no report has"),
        ('{"schema": ' + "9" * 5000 + "}", "a number that no report has"),
    ],
)
def test_what_is_no_report(text: str, said: str) -> None:
    assert said in refusal(text)


@pytest.mark.parametrize("part", [0.01, 0.3, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off(fake: Report, part: float) -> None:
    text = write_json(fake, PAGE)
    message = refusal(text[: int(part * len(text))])
    assert "is not JSON from line" in message
    assert "cut off" in message


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("model.num_classes", "10", 'model.num_classes is "10", not a whole number'),
        ("model.format", "tflite", 'model.format is "tflite", not one of onnx, safetensors, pytorch, module'),
        ("model.format", ["onnx"], "model.format is a list of 1, not one of"),
        ("model.input_range", [1, 0], "model.input_range is a list of 2, not a range"),
        ("model.metadata", {"a": 1}, "model.metadata.a is 1, not a text"),
        ("threat.eps", -1, "threat.eps is -1, not a radius"),
        ("threat.eps", None, "threat.eps is null, not a number"),
        ("attacks.0.settings.method", "magic", 'attacks[0].settings.method is "magic"'),
        ("attacks.1.settings.beta.rule", 3, "attacks[1].settings.beta.rule is 3"),
        ("attacks.0.adversarial_accuracy", 1.5, "attacks[0].adversarial_accuracy is 1.5, not a number from 0 to 1"),
        ("attacks.0.samples", True, "attacks[0].samples is true, not a whole number"),
        ("attacks.0.samples", 10**40, "attacks[0].samples is a huge number"),
        ("sweeps.0.labels", ["1"], "sweeps[0] is an object, not a sweep with as many labels"),
        ("cures.0.name", "magic", 'cures[0].name is "magic"'),
        ("findings.0.rule", "FR399", "findings[0].rule is FR399, which `rules` does not explain"),
        ("rules.FR301.code", "XX301", 'rules.FR301.code is "XX301"'),
        ("findings.2.waiver.expires", "soon", 'findings[2].waiver.expires is "soon", not a day'),
        ("gate.outcome", "passed", "gate.outcome contradicts its criteria"),
        ("gate.criteria.0.measured", {"value": 1}, "gate.criteria[0].measured.ci95 is missing"),
        ("exit_code", 0, "exit_code contradicts the gate's outcome"),
        ("verdict.passed", True, "verdict.passed contradicts the gate's outcome"),
        ("images.columns", ["index"], "images.columns is a list of 1, not a list with name"),
        ("images.data.0", [1], "images.data[0] is a list of 1, not a list of 12"),
        ("images.data.1.3", "3", 'images.data[1][3] is "3", not int'),
        ("examples.0.original", "%%%", 'examples[0].original is "%%%", not base64'),
        ("examples.0.original", "aGVsbG8=", 'examples[0].original is "aGVsbG8=", not a PNG file'),
        ("created", "x" * 10**6 + "\n", None),
        ("verdict.status", "y" * 10**6, "verdict.status is"),
    ],
)
def test_a_value_that_is_none(fake: Report, place: str, value: object, said: str | None) -> None:
    document = written(fake)
    *steps, last = place.split(".")
    at: Any = document
    for step in steps:
        at = at[int(step) if isinstance(at, list) else step]
    at[int(last) if isinstance(at, list) else last] = value
    if said is None:
        read_document(json.dumps(document), "audit.json")
    else:
        assert said in refusal(json.dumps(document))


def test_a_suite_and_a_failure_cannot_be_made_to_look_clean(suite: Suite, failure: Failure) -> None:
    assert "exit_code is 0, not one of" in refusal(json.dumps({**written(failure), "exit_code": 0}))
    assert "exit_code contradicts its entries" in refusal(json.dumps({**written(suite), "exit_code": 0}))
    nested = {**written(suite), "entries": [written(suite)]}
    assert "bnnaudit-suite/1" in refusal(json.dumps(nested))


def test_a_key_that_is_added_later_is_passed_over(fake: Report) -> None:
    document = written(fake)
    for at in (document, document["model"], document["attacks"][0]["settings"], document["findings"][0]):
        at["added_later"] = [1]
    document["images"]["columns"].insert(0, "added_later")
    for row in document["images"]["data"]:
        row.insert(0, 7)
    assert write_json(read_document(json.dumps(document), "audit.json"), PAGE) == write_json(fake, PAGE)


def test_other_documents_of_the_program_are_no_reports(facts: ModelFacts) -> None:
    assert "has no key `schema`" in refusal(write_json(facts, PAGE))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_every_encoding_that_a_shell_redirects_to(claim_not_met: Report, encoding: str) -> None:
    content = write_json(claim_not_met, PAGE).encode(encoding)
    assert read_bytes(content, "audit.json") == claim_not_met


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    for path in (picture, tmp_path, tmp_path / "missing.json"):
        with pytest.raises(ReportError, match=path.name):
            read_file(path)


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value of a document stands, the document itself aside."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        yield (*place, key)
        yield from places(entry, (*place, key))


OTHERS = (None, True, -1, 0, 10**30, 1e308, -1e308, 5e-324, 0.5, "", "x", [], {}, [1], [[]], {"a": 1}, 2**62, "pgd")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["fake", "detailed", "compared"])
def test_whatever_is_damaged_is_refused_or_written(reports: dict[str, Report], name: str, seed: int) -> None:
    """A value replaced, left out or doubled anywhere: never another error than one for the user."""
    chance, document = random.Random(seed), written(reports[name])
    everywhere = list(places(document))
    for _ in range(60):
        damaged = copy.deepcopy(document)
        *steps, last = chance.choice(everywhere)
        at: Any = damaged
        for step in steps:
            at = at[step]
        if chance.random() < 0.2:
            del at[last]
        else:
            at[last] = at[last] * 2 if isinstance(at[last], list) and chance.random() < 0.3 else chance.choice(OTHERS)
        try:
            read = read_document(json.dumps(damaged), "audit.json")
        except ReportError:
            continue
        for format in ReportFormat:
            try:
                assert render(read, format, PAGE)
            except AuditError:
                continue
