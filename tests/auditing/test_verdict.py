"""Verdicts on evidence made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest

from bnnaudit.auditing.verdict import judge_checks, reach_verdict, why_in_doubt
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.finding import Confidence, Finding, Severity
from bnnaudit.core.plan import Declared, Suspicion
from bnnaudit.core.policy import Decide, Policy, Waiver
from bnnaudit.core.probing import BinarizationTest
from bnnaudit.core.report import Status
from bnnaudit.core.trial import Source
from bnnaudit.rules.symptoms import attack_too_weak
from bnnaudit.rules.table import CHECKS, RULES
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


def declaring(
    figure: float, standing: int, ordinary: float | None = None, decide: Decide = Decide.INTERVAL
) -> Evidence:
    """So many of 300 images verified, and left by ordinary attacks as well unless they leave another share."""
    the_plan = plan(declared=Declared(adversarial_accuracy=figure), policy=Policy(decide=decide))
    verified = standing / 300
    return evidence(otherwise=verified if ordinary is None else ordinary, verified=verified, the_plan=the_plan)


@pytest.mark.parametrize(
    ("figure", "decide", "status"),
    [
        (0.49, Decide.INTERVAL, Status.AS_CLAIMED),
        (0.50, Decide.INTERVAL, Status.INCONCLUSIVE),
        (0.60, Decide.INTERVAL, Status.INCONCLUSIVE),
        (0.61, Decide.INTERVAL, Status.CLAIM_NOT_MET),
        (0.55, Decide.ESTIMATE, Status.AS_CLAIMED),
        (0.5501, Decide.ESTIMATE, Status.CLAIM_NOT_MET),
    ],
)
def test_a_declared_figure_decides_by_the_interval_without_a_tolerance(
    figure: float, decide: Decide, status: Status
) -> None:
    """165 of 300 images: 55 % [49.3, 60.5]."""
    given = declaring(figure, 165, decide=decide)
    verdict = reach_verdict(given, judge_checks(given, CHECKS).findings, ())
    assert verdict.status is status
    assert verdict.declared_accuracy == figure
    assert why_in_doubt(given, (), ()) == "", "only the claim is open"


def test_a_claim_that_is_not_met_says_that_ordinary_attacks_show_it_as_well() -> None:
    reason = reach_verdict(declaring(0.66, 165), (), ()).reason
    assert reason == (
        "The declared accuracy of 66.0 % is not met: at most 55.0 % [49.3, 60.5] is left; ordinary attacks leave 55.0 %, so "
        "that they show it as well."
    )
    above = reach_verdict(declaring(0.66, 165, ordinary=0.67), (), ()).reason
    assert above.endswith("ordinary attacks leave 67.0 %.")


def test_what_better_attacks_refute_is_fake_also_beside_a_declared_figure() -> None:
    met, missed = declaring(0.05, 30, ordinary=0.6), declaring(0.6, 30, ordinary=0.6)
    for given in (met, missed):
        verdict = reach_verdict(given, judge_checks(given, CHECKS).findings, ())
        assert verdict.status is Status.FAKE
        assert ("met all the same" in verdict.reason) is (given is met)


@pytest.mark.parametrize(("figure", "pretends"), [(0.0, True), (0.03, False)])
def test_a_model_that_is_not_robust_is_called_so_while_its_figure_is_open(figure: float, pretends: bool) -> None:
    """9 of 300 images: 3 % [1.6, 5.6]."""
    verdict = reach_verdict(declaring(figure, 9), (), ())
    assert verdict.status is Status.NOT_ROBUST
    assert ("does not pretend to be" in verdict.reason) is pretends


def test_doubts_about_the_proof_outweigh_an_open_claim_but_no_refuted_one() -> None:
    weak = BinarizationTest(40, 99, 256, 0, {"pgd": 40, "auto": 5, "random search": 0})
    for figure, status in ((0.6, Status.INCONCLUSIVE), (0.7, Status.CLAIM_NOT_MET)):
        given = replace(declaring(figure, 165), probes=replace(HEALTHY_PROBES, binarization=weak))
        assert reach_verdict(given, (), ()).status is status
        assert bool(why_in_doubt(given, (), ())) is (status is Status.INCONCLUSIVE)


def test_a_waived_finding_counts_for_the_verdict() -> None:
    fake = found("FR302")
    waived = replace(fake, waiver=Waiver("FR302", "known", "ada", date(2030, 1, 1)))
    assert reach_verdict(evidence(), (waived,), ()) == reach_verdict(evidence(), (fake,), ())
    in_doubt = replace(found("MF401"), waiver=Waiver("MF401", "known", "ada", date(2030, 1, 1)))
    assert reach_verdict(evidence(), (in_doubt,), ()).status is Status.INCONCLUSIVE
    assert why_in_doubt(evidence(), (in_doubt,), ())
