"""Waivers: which model they name, until when they hold, and which of them accept nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bnnaudit.auditing.waivers import Waivers, names_model
from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat
from bnnaudit.core.finding import Confidence, Finding
from bnnaudit.core.policy import IdleWaiver, Waiver, WaiverProblem
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.threat import Box
from bnnaudit.rules.table import RULES

DIGEST = "ab12" * 16
MODEL = ModelFacts("/ci/work/nets/signs.onnx", DIGEST, ModelFormat.ONNX, 10, (3, 30, 30), Layout.NCHW, Box())
WAIVER = Waiver("FR301", "retrained in spring", "ada", date(2026, 3, 31))


def on(day: str) -> Provenance:
    return Provenance("0", f"{day}T12:00:00+00:00", "")


def found(code: str) -> Finding:
    return Finding(RULES[code], "", RULES[code].severity, Confidence.HIGH)


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "*.onnx",
        "signs.onnx",
        "nets/*.onnx",
        "/ci/work/nets/signs.onnx",
        "/ci/*",
        DIGEST,
        f"sha256:{DIGEST}",
        DIGEST.upper(),
        DIGEST[:12],
        f"sha256:{DIGEST[:12]}",
    ],
)
def test_a_pattern_names_the_model(pattern: str) -> None:
    assert names_model(pattern, MODEL)


@pytest.mark.parametrize(
    "pattern",
    [
        "other.onnx",
        "models/*.onnx",
        "*.pt",
        DIGEST[:11],
        f"sha256:{DIGEST[:11]}",
        DIGEST[1:],
        "ba12" * 16,
        "SIGNS.onnx",
        "",
    ],
)
def test_a_pattern_names_another_model(pattern: str) -> None:
    assert not names_model(pattern, MODEL)


@pytest.mark.parametrize(("day", "holds"), [("2026-03-30", True), ("2026-03-31", True), ("2026-04-01", False)])
def test_the_day_of_expiry_is_the_last_one(day: str, holds: bool) -> None:
    waivers = Waivers.of([WAIVER], MODEL, on(day))
    (finding,) = waivers.applied([found("FR301")])
    assert finding.waiver == (WAIVER if holds else None)
    assert waivers.idle({"FR301"}, ()) == (() if holds else (IdleWaiver(WAIVER, WaiverProblem.EXPIRED),))


def test_a_waiver_accepts_its_rule_alone_and_drops_no_finding() -> None:
    findings = [found("FR302"), found("FR301")]
    waived = Waivers.of([WAIVER], MODEL, on("2026-01-01")).applied(findings)
    assert [finding.waiver for finding in waived] == [None, WAIVER]
    assert [replace(finding, waiver=None) for finding in waived] == findings


def test_of_several_the_one_that_holds_longest_is_told() -> None:
    longer = replace(WAIVER, expires=date(2026, 12, 31))
    expired = replace(WAIVER, expires=date(2025, 12, 31))
    waivers = Waivers.of([expired, WAIVER, longer], MODEL, on("2026-01-01"))
    assert waivers.accepting("FR301") == longer
    assert waivers.idle({"FR301"}, ()) == (IdleWaiver(expired, WaiverProblem.EXPIRED),)


def test_a_waiver_without_a_finding_is_unused_unless_its_check_did_not_run() -> None:
    waivers = Waivers.of([WAIVER], MODEL, on("2026-01-01"))
    assert waivers.idle((), ()) == (IdleWaiver(WAIVER, WaiverProblem.UNUSED),)
    assert waivers.idle((), {"FR301"}) == ()


def test_a_waiver_for_another_model_is_none_of_this_report_s_business() -> None:
    other = replace(WAIVER, model="other.onnx", expires=date(2020, 1, 1))
    assert Waivers.of([other], MODEL, Provenance("0", "", "")) == Waivers()
