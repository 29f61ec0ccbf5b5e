"""What to do with the model: it follows from the status, the findings and what the gate left open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bnnaudit.auditing.advice import advice_of
from bnnaudit.auditing.gate import Audited, decide
from bnnaudit.auditing.verdict import judge_checks, reach_verdict, share, why_in_doubt
from bnnaudit.auditing.waivers import Waivers
from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import DefaultAnswers, Evidence
from bnnaudit.core.plan import Declared
from bnnaudit.core.policy import Limits, Policy, Waiver
from bnnaudit.core.probing import BinarizationTest
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Advice
from bnnaudit.rules.comparison import compare, floor_percent
from bnnaudit.rules.table import CHECKS, RULES
from tests.rules.evidence import HEALTHY_PROBES, evidence, plan
from tests.rules.test_rules import HEALTHY, ONE_BASED, fed, labelled, of_the_sample, sessions


def advised(given: Evidence, policy: Policy = Policy()) -> tuple[Advice, ...]:  # noqa: B008 - frozen
    """Judged as an audit does."""
    judgement = judge_checks(given, CHECKS)
    verdict = reach_verdict(given, judgement.findings, ())
    waivers = Waivers.of(policy.waivers, given.facts, Provenance("0", "2026-01-01T00:00:00+00:00", ""))
    findings = waivers.applied(judgement.findings)
    lost = None if given.verified is None or given.claimed is None else compare(given.claimed, given.verified)
    audited = Audited(
        verdict,
        why_in_doubt(given, findings, ()),
        findings,
        judgement.skipped,
        clean=share(given.clean),
        lost=lost,
        waivers=waivers,
    )
    return advice_of(given, verdict, decide(policy, audited), findings)


def declaring(figure: float, verified: float) -> Evidence:
    return evidence(HEALTHY, otherwise=verified, verified=verified, the_plan=plan(declared=Declared(None, figure)))


def test_fake_robustness_has_to_be_replaced_by_the_verified_figure_and_trained_away() -> None:
    first, second, *_ = advised(evidence(HEALTHY, verified=0.1))
    assert first.text == "Do not release on the 30.0 % that ordinary attacks leave: state at most 10.0 % [7.1, 13.9]."
    assert second.text == RULES["FR302"].remedy
    assert first.rules == second.rules == ("FR302",)


def test_a_claim_that_is_not_met_has_to_be_corrected_to_the_lower_bound() -> None:
    (advice, *_) = advised(declaring(0.66, 0.55))
    assert advice == Advice(
        "Do not release it as it is. Declare 49.3 % or less, or improve the model until it meets 66.0 %.", ("FR303",)
    )
    (nothing_left, *_) = advised(declaring(0.66, 0.0))
    assert "Declare no robustness, or improve the model until it meets 66.0 %." in nothing_left.text


def test_an_open_claim_says_what_decides_it() -> None:
    first, second, *_ = advised(declaring(0.6, 0.55))
    assert first.text == "To decide what the gate was asked, audit about 369 images (--samples 369)."
    assert second.text == 'Or declare 49.3 % or less, or set decide = "estimate" in the policy.'
    equal, *_ = advised(declaring(0.55, 0.55))
    assert "no number of images decides it" in equal.text


def test_a_model_that_is_not_robust_may_claim_nothing() -> None:
    (advice, *_) = advised(evidence(HEALTHY, otherwise=0.02, verified=0.02))
    assert advice.text.startswith("Claim no robustness under this threat")


def test_a_robust_model_is_quoted_with_at_most() -> None:
    (advice, *_) = advised(evidence(HEALTHY))
    assert advice.text == "Where robustness is stated, state at most 30.0 % [25.1, 35.4] under this threat."


def test_thresholds_that_are_open_are_decided_by_the_largest_sample() -> None:
    both = Policy(Limits(min_verified=0.32, max_gap=0.001))
    (advice, *_) = advised(evidence(HEALTHY), both)
    (single, *_) = advised(evidence(HEALTHY), Policy(Limits(min_verified=0.32)))
    assert "(--samples " in advice.text
    assert "audit about 2090 images" in single.text, "1.96^2 x 0.32 x 0.68 / 0.02^2 = 2089.8"


def test_what_failed_comes_before_what_is_undecided() -> None:
    first, *rest = advised(declaring(0.66, 0.55), Policy(require=("hard-label",)))
    assert first.rules == ("FR303",)
    assert any("hard-label" in advice.text for advice in rest)


@pytest.mark.parametrize(
    ("given", "policy"),
    [
        (evidence(HEALTHY, verified=0.1), Policy()),
        (declaring(0.66, 0.55), Policy(require=("hard-label",))),
        (evidence(HEALTHY), Policy(Limits(min_clean=0.999, min_verified=0.5))),
        (evidence(HEALTHY, otherwise=0.02, verified=0.02), Policy(Limits(min_verified=0.3, max_gap=0.001))),
    ],
)
def test_a_model_that_failed_is_first_of_all_not_to_be_released(given: Evidence, policy: Policy) -> None:
    first, *rest = advised(given, policy)
    assert first.text.startswith("Do not release")
    assert not any(advice.text.startswith("Do not release") for advice in rest)


def test_a_model_that_passed_may_be_released() -> None:
    for given in (evidence(HEALTHY), evidence(HEALTHY, otherwise=0.02, verified=0.02)):
        assert not any("Do not release" in advice.text for advice in advised(given))


def test_a_model_in_doubt_is_not_audited_on_more_images_first() -> None:
    waived = Waiver("MF414", "known", "ada", date(2026, 2, 1))
    first, *_ = advised(of_the_sample(fed(30, 90)), Policy(Limits(min_verified=0.32), waivers=(waived,)))
    assert first.rules == ("MF414",)


def test_a_thorough_audit_is_not_sent_to_a_thorough_one() -> None:
    given = evidence(HEALTHY, the_plan=plan(effort=Effort.THOROUGH))
    assert not any("--effort" in advice.text for advice in advised(given))


def test_a_required_check_has_to_be_run() -> None:
    (advice, *_) = advised(evidence(HEALTHY), Policy(require=("hard-label",)))
    assert "hard-label (GM108)" in advice.text
    assert "--effort thorough runs it" in advice.text


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        (
            of_the_sample(fed(30, 90)),
            "MF414",
            "Give --input-range 0,255, if that is how the model was trained, and audit again.",
        ),
        (
            of_the_sample(labelled(right=30, readings=(ONE_BASED,))),
            "MF413",
            "Subtract 1 from the labels, if that is how the model was trained, and audit again.",
        ),
        (of_the_sample(labelled(right=33, deviation=0.6)), "MF412", RULES["MF412"].remedy),
        (of_the_sample(labelled(right=150, ranked=150, rank=0.5, separation=0.5)), "MF416", RULES["MF416"].remedy),
    ],
)
def test_data_that_are_misread_come_with_the_option_that_cures_it(given: Evidence, code: str, text: str) -> None:
    (advice, *_) = advised(given)
    assert advice == Advice(text, (code,))


def test_an_attack_that_proves_too_little_is_answered_by_its_rule() -> None:
    weak = BinarizationTest(40, 99, 256, 0, {"pgd": 40, "auto": 5, "random search": 0})
    (advice, *_) = advised(evidence(HEALTHY, probes=replace(HEALTHY_PROBES, binarization=weak)))
    assert advice == Advice(RULES["GM117"].remedy, ("GM117",))


def test_an_audit_cut_short_has_to_be_run_again() -> None:
    (advice, *_) = advised(evidence(HEALTHY, verified=None, why_missing="the audit was interrupted"))
    assert advice.text.startswith("Run the same audit again to its end")


def test_how_to_serve_what_was_audited_comes_after_the_status_unless_it_is_waived() -> None:
    given = evidence(HEALTHY, default_session=DefaultAnswers(300, 1, 0.1), sessions=sessions(0.17, 0.37))
    texts = [advice.rules for advice in advised(given)]
    assert texts[-2:] == [("MF409",), ("MF410",)]
    waived = Policy(waivers=(Waiver("MF409", "served exact", "ada", date(2026, 2, 1)),))
    assert ("MF409",) not in [advice.rules for advice in advised(given, waived)]


def test_the_same_advice_is_given_once_for_all_rules_that_ask_for_it() -> None:
    texts = [advice.text for advice in advised(evidence(HEALTHY, verified=0.1))]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize(("value", "text"), [(0.4936, "49.3 %"), (0.4999999, "49.9 %"), (0.5, "50 %"), (0.3, "30 %")])
def test_a_lower_bound_is_never_rounded_up(value: float, text: str) -> None:
    assert floor_percent(value) == text
