"""The predicate by itself: what passed, what passed with warnings, and what did not pass."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.core.gate import Gate
from bnnaudit.core.policy import FailOn, Limits, Policy, Waiver
from bnnaudit.core.report import Report, Status
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.intoto import write_intoto
from bnnaudit.reports.intoto_predicate import write_intoto_predicate
from bnnaudit.reports.page import Page
from tests.reports.intoto_schema import check_predicate

PAGE = Page()


def predicate(document: Report | Suite | Failure) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(write_intoto_predicate(document, PAGE))
    check_predicate(found)
    return found


def test_it_is_that_of_the_statement(reports: dict[str, Report]) -> None:
    for report in reports.values():
        assert predicate(report) == json.loads(write_intoto(report, PAGE))["predicate"]


def test_each_criterion_is_named_with_its_threat(fake: Report) -> None:
    found = predicate(fake)
    assert found["result"] == "FAILED"
    assert "L-inf 0.3: gate min-clean: clean accuracy of at least 90 %" in found["passedTests"]
    assert "L-inf 0.3: gate min-verified: verified accuracy of at least 30 %" in found["failedTests"]


def test_what_is_undecided_failed(straddled: Report, undecided: Report) -> None:
    found = predicate(straddled)
    assert found["result"] == "FAILED"
    assert found["failedTests"] == [
        "L-inf 8/255: gate min-verified: verified accuracy of at least 62 % (undecided)",
        "L-inf 8/255: gate min-clean: clean accuracy of at least 98 % (undecided)",
    ]
    assert predicate(undecided)["result"] == "FAILED"


def test_a_gate_that_passes_beside_findings_warns(honest: Report, fake: Report) -> None:
    warned = predicate(replace(honest, findings=fake.findings[1:]))
    assert warned["result"] == "WARNED"
    assert warned["warnedTests"] == [
        "L-inf 8/255: gate findings: no finding of level error",
        "L-inf 8/255: GM103 transfer-beats-white-box",
        "L-inf 8/255: SP202 saturated-error-signal",
    ]
    only_a_note = predicate(replace(honest, findings=fake.findings[3:]))
    assert only_a_note["result"] == "PASSED"


@pytest.mark.parametrize("status", [Status.FAKE, Status.CLAIM_NOT_MET, Status.INCONCLUSIVE])
def test_a_gate_that_passes_in_spite_of_the_verdict_warns(honest: Report, status: Status) -> None:
    assert honest.verdict is not None
    assert predicate(replace(honest, verdict=replace(honest.verdict, status=status)))["result"] == "WARNED"
    assert predicate(replace(honest, verdict=None))["result"] == "WARNED"


def test_a_check_is_failed_where_the_gate_counts_its_finding(fake: Report) -> None:
    found = predicate(fake)
    assert "L-inf 0.3: FR301 fake-robustness" in found["failedTests"]
    assert "L-inf 0.3: SP202 saturated-error-signal" in found["failedTests"]
    assert "L-inf 0.3: GM103 transfer-beats-white-box" in found["warnedTests"]  # it is waived
    assert "L-inf 0.3: MF405 low-clean-accuracy" in found["passedTests"]  # a note


def test_a_finding_of_no_known_check_is_named_too(fake: Report) -> None:
    found = predicate(replace(fake, checks=()))
    assert "L-inf 0.3: FR301 fake-robustness" in found["failedTests"]
    assert "L-inf 0.3: GM103 transfer-beats-white-box" in found["warnedTests"]


def test_a_check_without_an_outcome_is_in_no_list(fake: Report, honest: Report) -> None:
    everything = str(predicate(fake))
    ended = {entry.check for entry in (*fake.skipped, *fake.faults)}
    left_out = [check for check in fake.checks if check.check in ended]
    assert len(left_out) >= 2
    assert not any(f": {check.rule} " in everything for check in left_out)
    broken = predicate(replace(honest, faults=fake.faults))
    assert broken["result"] == "WARNED"
    assert broken["warnedTests"] == ["L-inf 8/255: gate audit: a verdict about the model"]


def test_a_run_without_a_gate_and_a_gate_without_criteria_do_not_pass(attack_only: Report, honest: Report) -> None:
    assert predicate(attack_only)["failedTests"] == ["L2 120/255: gate: nothing was asked of the model"]
    empty = json.loads(write_intoto_predicate(replace(honest, gate=Gate(Policy(), ())), PAGE))
    assert empty["result"] == "FAILED"


def test_a_model_that_was_not_audited_failed(failure: Failure) -> None:
    found = predicate(failure)
    assert found["result"] == "FAILED"
    assert found["failedTests"][0].startswith("audit: broken.onnx: it is not an ONNX file")


def test_several_models_are_refused(suite: Suite) -> None:
    with pytest.raises(UsageError, match="about one model, not 3"):
        write_intoto_predicate(suite, PAGE)


def test_the_configuration_has_the_version_the_data_the_threat_and_the_policy(fake: Report) -> None:
    tool, data, threat, policy = predicate(fake)["configuration"]
    assert tool == {"name": "bnnaudit", "annotations": {"version": "0.1.0", "command": "check"}}
    assert data["digest"] == {"sha256": "0a" * 32}
    assert data["annotations"]["images"] == "300"
    assert threat["annotations"] == {"norm": "linf", "eps": "0.3"}
    assert policy["annotations"] == {
        "fail_on": "warning", "decide": "interval", "min_clean": "0.9", "min_verified": "0.3", "max_gap": "0.05"
    }  # fmt: skip


def test_the_policys_digest_is_of_its_canonical_json_and_tells_policies_apart(honest: Report) -> None:
    def digest(policy: Policy) -> str:
        gate = replace(honest.gate, policy=policy) if honest.gate else None
        found: str = predicate(replace(honest, gate=gate))["configuration"][3]["digest"]["sha256"]
        return found

    waiver = Waiver("FR301", "known", "me", date(2030, 1, 31))
    policy = Policy(Limits(min_verified=0.5), FailOn.NOTE, waivers=(waiver,))
    text = (
        '{"decide":"interval","fail_on":"note","ignore":[],"limits":{"max_drop":null,"max_gap":null,"min_clean":null,"min_verified":0.5},'
        '"require":[],"select":[],"waivers":[{"expires":"2030-01-31","model":"*","owner":"me","reason":"known","rule":"FR301"}]}'
    )
    assert digest(policy) == hashlib.sha256(text.encode()).hexdigest()
    assert digest(policy) != digest(Policy(Limits(min_verified=0.4), FailOn.NOTE, waivers=(waiver,)))
