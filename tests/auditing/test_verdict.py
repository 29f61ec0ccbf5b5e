"""Verdicts on evidence made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bnnaudit.auditing.verdict import reach_verdict
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.finding import Confidence, Finding, Severity
from bnnaudit.core.plan import Suspicion
from bnnaudit.core.probing import BinarizationTest
from bnnaudit.core.report import Status
from bnnaudit.core.trial import Source
from bnnaudit.rules.symptoms import attack_too_weak
from bnnaudit.rules.table import RULES
from tests.rules.evidence import HEALTHY_PROBES, evidence, plan

BLOCKED = plan(suspicions=frozenset({Suspicion.BLOCKED}))
BRIDGED = BLOCKED.cured_trial(Source.BRIDGED)


def without_a_bridge(standing: float, verified: float) -> Evidence:
    whole = evidence({BLOCKED.claim: standing}, verified=verified, the_plan=BLOCKED)
    results = {trial: result for trial, result in whole.results.items() if trial != BRIDGED}
    return evidence(verified=verified, the_plan=BLOCKED, results=results)


def test_robustness_that_only_attacks_on_scores_have_tried_is_not_verified() -> None:
    verdict = reach_verdict(without_a_bridge(0.9, 0.9), (), ())
    assert verdict.status is Status.INCONCLUSIVE
    assert "SP205" in verdict.reason


def test_what_falls_without_a_gradient_needs_no_bridge() -> None:
    assert reach_verdict(without_a_bridge(0.04, 0.04), (), ()).status is Status.NOT_ROBUST


def test_a_bridge_that_was_tried_lets_the_verdict_stand() -> None:
    bridged = evidence({BLOCKED.claim: 0.9}, verified=0.9, the_plan=BLOCKED)
    assert reach_verdict(bridged, (), ()).status is Status.AS_CLAIMED


def found(code: str, severity: Severity | None = None) -> Finding:
    rule = RULES[code]
    return Finding(rule, "", severity or rule.severity, Confidence.HIGH)


@pytest.mark.parametrize(
    ("findings", "reason"),
    [
        ((), "No attack tried did materially better than the claim. No evidence of masking was found."),
        (
            (found("GM101"), found("SP201"), found("SP202")),
            "There are findings of masking (GM101, SP201). No attack tried did materially better than the claim.",
        ),
        ((found("SP202"),), "No attack tried did materially better than the claim."),
        ((found("FR302", Severity.WARNING),), "Better attacks took less than a tenth of the claim (FR302)."),
        (
            (found("MF415"),),
            "No attack tried did materially better than the claim. No evidence of masking was found.",
        ),
    ],
)
def test_a_pass_says_no_more_than_the_findings_beside_it(findings: Sequence[Finding], reason: str) -> None:
    verdict = reach_verdict(evidence(), findings, ())
    assert (verdict.status, verdict.reason) == (Status.AS_CLAIMED, reason)


@pytest.mark.parametrize("code", ["MF412", "MF413", "MF414", "MF416"])
def test_a_model_that_is_fed_wrongly_gets_no_verdict_whatever_attacks_did(code: str) -> None:
    verdict = reach_verdict(evidence(), (found(code), found("FR302")), ())
    assert verdict.status is Status.INCONCLUSIVE
    assert f"({code})" in verdict.reason


def strength(found_by_auto: int, images: int, random: int = 0) -> Evidence:
    rows = {"pgd": images, "auto": found_by_auto, "random search": random}
    test = BinarizationTest(images, 99, 256, 0, rows)
    return evidence(probes=replace(HEALTHY_PROBES, binarization=test))


@pytest.mark.parametrize(
    ("found_by_auto", "images", "random", "status"),
    [
        (8, 8, 0, Status.AS_CLAIMED),
        (36, 40, 0, Status.AS_CLAIMED),
        (4, 8, 0, Status.AS_CLAIMED),
        (2, 8, 0, Status.INCONCLUSIVE),
        (20, 40, 0, Status.INCONCLUSIVE),
        (20, 40, 36, Status.AS_CLAIMED),
        (0, 7, 0, Status.AS_CLAIMED),
    ],
)
def test_what_auto_left_standing_counts_only_where_auto_finds_what_is_there(
    found_by_auto: int, images: int, random: int, status: Status
) -> None:
    """Of 8 images 6 misses are 1.386 x 6 - 0.405 x 2 = 7.5 against log 100 = 4.6; 4 misses are 3.9."""
    verdict = reach_verdict(strength(found_by_auto, images, random), (), ())
    assert verdict.status is status
    assert ("GM117" in verdict.reason) is (status is Status.INCONCLUSIVE)
    told = attack_too_weak.judge(strength(found_by_auto, images, random))
    assert any(isinstance(item, Finding) for item in told) is (status is Status.INCONCLUSIVE)


def test_a_network_that_falls_needs_no_strength_of_the_attack() -> None:
    weak = replace(evidence(verified=0.02, otherwise=0.02), probes=strength(0, 8).probes)
    assert reach_verdict(weak, (), ()).status is Status.NOT_ROBUST


def test_a_sample_too_small_to_tell_the_model_from_guessing_accuses_nobody() -> None:
    small = replace(found("MF412"), confidence=Confidence.LOW)
    verdict = reach_verdict(evidence(), (small, found("FR302")), ())
    assert verdict.status is Status.INCONCLUSIVE
    assert "audit with more --samples" in verdict.reason
    assert "prepared wrongly" not in verdict.reason
    assert "prepared wrongly" in reach_verdict(evidence(), (small, found("MF414")), ()).reason
