"""Statements about models: valid, one a model, and passed only where the gate passed."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.core.facts import ModelFormat
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.reports.intoto import write_intoto
from bnnaudit.reports.page import Page
from tests.reports.hostile import LONG, with_names
from tests.reports.intoto_schema import check_statement

PAGE = Page()
MODELS_SHA256 = "3f" * 32
ONLY_PASSES = {"honest"}


def test_every_report_gives_a_valid_statement_that_passes_only_if_the_gate_did(reports: dict[str, Report]) -> None:
    for name, report in reports.items():
        text = write_intoto(report, PAGE)
        assert text.count("\n") == 1
        statement = check_statement(text)
        assert (statement["predicate"]["result"] == "PASSED") == (name in ONLY_PASSES), name
        assert (statement["predicate"]["result"] == "FAILED") != report.passed, name


def test_the_subject_is_the_model_file_by_its_digest(fake: Report) -> None:
    statement = check_statement(write_intoto(fake, PAGE))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"] == [{"name": "digits_bnn_waq.onnx", "digest": {"sha256": MODELS_SHA256}}]


@pytest.mark.parametrize("path", ["out/v2/net.onnx", "C:\\models\\net.onnx", "net.onnx"])
def test_the_subject_has_no_folders_in_its_name(honest: Report, path: str) -> None:
    statement = check_statement(write_intoto(replace(honest, model=replace(honest.model, path=path)), PAGE))
    assert statement["subject"][0]["name"] == "net.onnx"


def test_several_models_are_several_lines_and_one_that_was_not_audited_is_no_statement(suite: Suite) -> None:
    *statements, last = write_intoto(suite, PAGE).splitlines()
    assert [check_statement(line)["predicate"]["result"] for line in statements] == ["FAILED", "PASSED"]
    unattested = json.loads(last)
    assert set(unattested) == {"unattested"}
    assert unattested["unattested"]["model"] == "broken.onnx"
    assert unattested["unattested"]["exit_code"] == 2


def test_a_failure_alone_is_no_statement(failure: Failure) -> None:
    document = json.loads(write_intoto(failure, PAGE))
    assert set(document) == {"unattested"}
    assert "Protobuf parsing failed" in document["unattested"]["reason"]


def test_threats_of_one_model_are_one_statement_that_passes_only_if_all_do(honest: Report, fake: Report) -> None:
    under_l2 = replace(honest, threat=Threat(Norm.L2, 0.5))
    both = check_statement(write_intoto(Suite(honest.provenance, (honest, under_l2)), PAGE))
    assert both["predicate"]["result"] == "PASSED"
    assert honest.gate is not None
    assert len(both["predicate"]["passedTests"]) == 2 * (len(honest.gate.criteria) + len(honest.checks))
    assert {name.split(":")[0] for name in both["predicate"]["passedTests"]} == {"L-inf 8/255", "L2 0.5"}
    failing = replace(honest, threat=Threat(Norm.L2, 0.5), gate=fake.gate)
    one = check_statement(write_intoto(Suite(honest.provenance, (honest, failing)), PAGE))
    assert one["predicate"]["result"] == "FAILED"


def test_a_model_without_a_digest_is_refused(honest: Report) -> None:
    """So is a module in memory: its digest is that of a state dict, which no file has."""
    unread = replace(honest, model=replace(honest.model, path="Net", sha256=""))
    in_memory = replace(honest, model=replace(honest.model, path="Net", format=ModelFormat.MODULE))
    for report in (unread, in_memory):
        with pytest.raises(UsageError, match="Net has no digest"):
            write_intoto(report, PAGE)


def test_long_and_hostile_names_stay_below_what_signers_take(fake: Report) -> None:
    text = write_intoto(with_names(fake, LONG), PAGE)
    check_statement(text)
    assert len(text) < 100_000  # actions/attest takes 16 MB
    assert text.isascii()
    assert not re.search(r"(?<!\\)\\u(00[01]|202e)", text)  # a sign itself, not its escape shown as text
