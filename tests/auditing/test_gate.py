"""What the gate was asked, and what it answers, on figures made by hand."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from bnnaudit.auditing.gate import Audited, decide
from bnnaudit.auditing.verdict import OF_THE_SAMPLE, estimate
from bnnaudit.auditing.waivers import Waivers
from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat
from bnnaudit.core.finding import MISREAD, Confidence, Fault, Finding, Severity, Skip
from bnnaudit.core.gate import Bound, Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import Decide, FailOn, Limits, Policy, Waiver, WaiverProblem
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Status, Verdict
from bnnaudit.core.threat import Box
from bnnaudit.rules.comparison import Paired
from bnnaudit.rules.table import CHECKS, RULES

PASSED, FAILED, UNDECIDED = Outcome.PASSED, Outcome.FAILED, Outcome.UNDECIDED
MODEL = ModelFacts("m.onnx", "ab" * 32, ModelFormat.ONNX, 10, (3, 30, 30), Layout.NCHW, Box())
BY_ESTIMATE = Policy(decide=Decide.ESTIMATE)


def found(code: str, severity: Severity | None = None) -> Finding:
    rule = RULES[code]
    return Finding(rule, "", severity or rule.severity, Confidence.HIGH)


def audited(
    *codes: str,
    status: Status = Status.AS_CLAIMED,
    verified: int | None = 165,
    declared: float | None = None,
    doubt: str = "",
    images: int = 300,
    waivers: tuple[Waiver, ...] = (),
) -> Audited:
    """165 of 300 images verified: 55 % [49.3, 60.5]; 180 of them claimed; 285 right without attack."""
    left = None if verified is None else estimate(verified, images)
    standing = Waivers.of(waivers, MODEL, Provenance("0", "2026-01-01T00:00:00+00:00", ""))
    return Audited(
        verdict=Verdict(status, "", estimate(180, images), left, declared),
        doubt=doubt,
        findings=standing.applied([found(code) for code in codes]),
        clean=estimate(285, images),
        lost=None if verified is None else Paired(0, max(0, 180 - verified), images),
        waivers=standing,
    )


def waiver(code: str, day: date = date(2026, 6, 30)) -> Waiver:
    return Waiver(code, "known", "ada", day)


def of_kind(gate: Gate, kind: CriterionKind) -> Criterion:
    (criterion,) = (criterion for criterion in gate.criteria if criterion.kind is kind)
    return criterion


def kinds(gate: Gate) -> list[CriterionKind]:
    return [criterion.kind for criterion in gate.criteria]


def test_without_a_policy_the_gate_asks_for_an_audit_and_no_error() -> None:
    gate = decide(Policy(), audited("SP203", "GM101", status=Status.NOT_ROBUST))
    assert kinds(gate) == [CriterionKind.AUDIT, CriterionKind.FINDINGS]
    assert gate.outcome is PASSED
    findings = of_kind(gate, CriterionKind.FINDINGS)
    assert findings.asked == "no error-level finding"
    assert findings.reason == "there is none; nothing was asked about robust accuracy"


@pytest.mark.parametrize(
    ("fail_on", "outcomes"),
    [
        (FailOn.ERROR, (FAILED, PASSED, PASSED)),
        (FailOn.WARNING, (FAILED, FAILED, PASSED)),
        (FailOn.NOTE, (FAILED, FAILED, FAILED)),
        (FailOn.NEVER, (PASSED, PASSED, PASSED)),
    ],
)
def test_findings_fail_from_the_level_asked_for_on(fail_on: FailOn, outcomes: tuple[Outcome, ...]) -> None:
    policy = Policy(fail_on=fail_on)
    for code, outcome in zip(("FR301", "GM101", "SP203"), outcomes, strict=True):
        criterion = of_kind(decide(policy, audited(code)), CriterionKind.FINDINGS)
        assert criterion.outcome is outcome
        assert code in criterion.reason or outcome is PASSED


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        (Policy(ignore=("FR3",)), PASSED),
        (Policy(ignore=("FR302",)), FAILED),
        (Policy(select=("MF",)), PASSED),
        (Policy(select=("FR301",)), FAILED),
    ],
)
def test_only_selected_rules_fail(policy: Policy, outcome: Outcome) -> None:
    criterion = of_kind(decide(policy, audited("FR301", status=Status.FAKE)), CriterionKind.FINDINGS)
    assert criterion.outcome is outcome
    assert "FR301" in criterion.reason, "what is passed over is named"


def test_a_waived_finding_does_not_fail_and_is_named_with_its_day() -> None:
    gate = decide(Policy(), audited("FR301", "FR302", waivers=(waiver("FR301"), waiver("FR302"))))
    criterion = of_kind(gate, CriterionKind.FINDINGS)
    assert criterion.outcome is PASSED
    assert "accepted by waivers: FR301 until 2026-06-30, FR302 until 2026-06-30" in criterion.reason
    half = decide(Policy(), audited("FR301", "FR302", waivers=(waiver("FR301"),)))
    assert of_kind(half, CriterionKind.FINDINGS).outcome is FAILED


def test_a_pass_beside_accepted_findings_does_not_say_that_there_are_none() -> None:
    waived = decide(Policy(), audited("FR301", status=Status.FAKE, waivers=(waiver("FR301"),)))
    ignored = decide(Policy(ignore=("FR",)), audited("FR301", status=Status.FAKE))
    for gate, told in ((waived, "accepted by waivers: FR301"), (ignored, "not counted: FR301")):
        assert gate.outcome is PASSED
        reason = of_kind(gate, CriterionKind.FINDINGS).reason
        assert reason.startswith("none that counts; ")
        assert told in reason
    never = of_kind(decide(Policy(fail_on=FailOn.NEVER), audited("FR301")), CriterionKind.FINDINGS)
    assert never.reason.startswith("found and passed over: FR301")


def test_an_expired_or_unused_waiver_is_reported_and_protects_nothing() -> None:
    waivers = (waiver("FR301", date(2025, 12, 31)), waiver("GM101"))
    gate = decide(Policy(), audited("FR301", waivers=waivers))
    assert gate.outcome is FAILED
    assert [(each.waiver.rule, each.problem) for each in gate.idle] == [
        ("FR301", WaiverProblem.EXPIRED),
        ("GM101", WaiverProblem.UNUSED),
    ]


@pytest.mark.parametrize(
    "policy", [Policy(), Policy(fail_on=FailOn.NEVER), Policy(ignore=("MF",)), Policy(select=("FR",)), BY_ESTIMATE]
)
def test_nothing_makes_a_model_in_doubt_pass(policy: Policy) -> None:
    doubt = "The model itself is in doubt, so no figure about its robustness can be trusted."
    given = audited("MF401", status=Status.INCONCLUSIVE, doubt=doubt, waivers=(waiver("MF401"),))
    gate = decide(policy, given)
    assert gate.outcome is UNDECIDED
    criterion = of_kind(gate, CriterionKind.AUDIT)
    assert (criterion.outcome, criterion.reason) == (UNDECIDED, doubt)
    assert of_kind(gate, CriterionKind.FINDINGS).outcome is PASSED


def test_too_few_images_leave_the_gate_undecided_and_accuse_nobody() -> None:
    """MF412 fires on a single image as well, which says nothing about the model."""
    doubt = "So few images cannot tell the model from one that guesses (MF412); audit with more --samples."
    certain = audited("MF412", status=Status.INCONCLUSIVE, doubt=doubt)
    few = replace(certain, findings=(replace(found("MF412"), confidence=Confidence.LOW),))
    assert decide(Policy(), few).outcome is UNDECIDED
    findings = of_kind(decide(Policy(), few), CriterionKind.FINDINGS)
    assert (findings.outcome, "not counted: MF412" in findings.reason) == (PASSED, True)
    assert of_kind(decide(Policy(), certain), CriterionKind.FINDINGS).outcome is UNDECIDED


@pytest.mark.parametrize("fail_on", list(FailOn))
def test_an_interrupted_audit_is_undecided_and_so_is_every_figure_it_lacks(fail_on: FailOn) -> None:
    given = audited(status=Status.INCONCLUSIVE, verified=None, declared=0.6, doubt="the audit was interrupted")
    policy = Policy(Limits(min_clean=0.5, min_verified=0.0, max_gap=1.0), fail_on)
    gate = decide(policy, given)
    assert gate.outcome is UNDECIDED
    outcomes = {criterion.kind: criterion.outcome for criterion in gate.criteria}
    assert outcomes[CriterionKind.VERIFIED] is outcomes[CriterionKind.GAP] is UNDECIDED
    assert outcomes[CriterionKind.CLEAN] is PASSED
    assert outcomes[CriterionKind.CLAIM] is (PASSED if fail_on is FailOn.NEVER else UNDECIDED)


@pytest.mark.parametrize(
    ("declared", "outcome", "bound"),
    [(0.49, PASSED, Bound.LOWER), (0.5, UNDECIDED, None), (0.6, UNDECIDED, None), (0.61, FAILED, Bound.UPPER)],
)
def test_a_declared_figure_is_compared_without_a_tolerance(declared: float, outcome: Outcome, bound: Bound) -> None:
    """55 % [49.3, 60.5] of 300 images."""
    criterion = of_kind(decide(Policy(), audited(declared=declared)), CriterionKind.CLAIM)
    assert (criterion.outcome, criterion.bound, criterion.threshold) == (outcome, bound, declared)
    assert "at most 55.0 % [49.3, 60.5]" in criterion.reason


def test_a_straddled_claim_says_how_to_get_out() -> None:
    criterion = of_kind(decide(Policy(), audited(declared=0.6)), CriterionKind.CLAIM)
    assert criterion.more_images == 69
    for words in ("About 69 more images (--samples 369)", "declare 49.3 % or less", 'decide = "estimate"'):
        assert words in criterion.reason


def test_no_number_of_images_decides_a_claim_that_equals_the_estimate() -> None:
    criterion = of_kind(decide(Policy(), audited(declared=0.55)), CriterionKind.CLAIM)
    assert (criterion.outcome, criterion.more_images) == (UNDECIDED, None)
    assert "no number of images decides it" in criterion.reason
    close = of_kind(decide(Policy(), audited(declared=0.5501)), CriterionKind.CLAIM)
    assert (close.outcome, close.more_images) == (UNDECIDED, None)
    assert "so close to it" in close.reason


@pytest.mark.parametrize(("declared", "outcome"), [(0.6, FAILED), (0.55, PASSED), (0.5, PASSED)])
def test_the_estimate_decides_a_claim_where_the_policy_says_so(declared: float, outcome: Outcome) -> None:
    criterion = of_kind(decide(BY_ESTIMATE, audited(declared=declared)), CriterionKind.CLAIM)
    assert (criterion.outcome, criterion.bound) == (outcome, Bound.ESTIMATE)
    assert "by the estimate" in criterion.reason


@pytest.mark.parametrize(("declared", "codes"), [(0.6, ()), (0.7, ("FR303",))])
@pytest.mark.parametrize(
    ("policy", "waivers", "why"),
    [
        (Policy(fail_on=FailOn.NEVER), (), 'fail_on = "never"'),
        (Policy(ignore=("FR303",)), (), "does not count FR303"),
        (Policy(), (waiver("FR303"),), "waived until 2026-06-30"),
    ],
)
def test_a_claim_that_is_not_held_against_the_model_is_told_all_the_same(
    declared: float, codes: tuple[str, ...], policy: Policy, waivers: tuple[Waiver, ...], why: str
) -> None:
    status = Status.CLAIM_NOT_MET if codes else Status.INCONCLUSIVE
    gate = decide(policy, audited(*codes, status=status, declared=declared, waivers=waivers))
    criterion = of_kind(gate, CriterionKind.CLAIM)
    assert gate.outcome is PASSED
    assert why in criterion.reason
    assert "55.0 %" in criterion.reason
    assert gate.idle == (), "the waiver was needed"


def test_a_waiver_of_a_claim_that_is_met_is_unused() -> None:
    gate = decide(Policy(), audited(declared=0.4, waivers=(waiver("FR303"),)))
    assert [each.problem for each in gate.idle] == [WaiverProblem.UNUSED]


@pytest.mark.parametrize(
    ("limits", "kind", "outcome", "bound"),
    [
        (Limits(min_clean=0.9), CriterionKind.CLEAN, PASSED, Bound.LOWER),
        (Limits(min_clean=0.95), CriterionKind.CLEAN, UNDECIDED, None),
        (Limits(min_clean=0.98), CriterionKind.CLEAN, FAILED, Bound.UPPER),
        (Limits(min_verified=0.3), CriterionKind.VERIFIED, PASSED, Bound.LOWER),
        (Limits(min_verified=0.6), CriterionKind.VERIFIED, UNDECIDED, None),
        (Limits(min_verified=0.61), CriterionKind.VERIFIED, FAILED, Bound.UPPER),
        (Limits(max_gap=0.08), CriterionKind.GAP, PASSED, Bound.UPPER),
        (Limits(max_gap=0.05), CriterionKind.GAP, UNDECIDED, None),
        (Limits(max_gap=0.02), CriterionKind.GAP, FAILED, Bound.LOWER),
    ],
)
def test_thresholds(limits: Limits, kind: CriterionKind, outcome: Outcome, bound: Bound | None) -> None:
    """Clean 95 % [91.9, 96.9], verified 55 % [49.3, 60.5], lost 15 of 300: 5 % [2.5, 7.7] by Agresti & Min."""
    gate = decide(Policy(limits), audited())
    criterion = of_kind(gate, kind)
    assert (criterion.outcome, criterion.bound) == (outcome, bound)
    assert gate.outcome is outcome
    assert (criterion.reason.count("more images") + criterion.reason.count("no number of images")) == (
        outcome is UNDECIDED
    )
    assert "nothing was asked" not in of_kind(gate, CriterionKind.FINDINGS).reason


def test_a_threshold_exactly_on_a_bound_is_met_from_below_and_open_from_above() -> None:
    figure = estimate(165, 300)
    for threshold, outcome in ((figure.low, PASSED), (figure.high, UNDECIDED)):
        gate = decide(Policy(Limits(min_verified=threshold)), audited())
        assert of_kind(gate, CriterionKind.VERIFIED).outcome is outcome


def test_the_gap_is_paired_with_ordinary_attacks_or_taken_to_the_declared_figure() -> None:
    policy = Policy(Limits(max_gap=0.05))
    paired = of_kind(decide(policy, audited()), CriterionKind.GAP)
    assert paired.measured is not None
    assert paired.measured.value == 0.05
    assert paired.asked == "a verified accuracy at most 5 points below what ordinary attacks leave"
    assert re.match(r"at least 5\.0 points \[\d+\.\d, \d+\.\d\]: .* 5 points\.", paired.reason)
    declared = of_kind(decide(policy, audited(declared=0.7)), CriterionKind.GAP)
    assert declared.measured is not None
    assert declared.measured.value == 0.15
    assert (declared.outcome, declared.bound) == (FAILED, Bound.LOWER)
    near = of_kind(decide(policy, audited(declared=0.64)), CriterionKind.GAP)
    assert near.outcome is UNDECIDED
    assert (
        near.more_images
        == of_kind(decide(Policy(Limits(min_verified=0.59)), audited()), CriterionKind.VERIFIED).more_images
    )


def test_without_an_image_every_figure_is_undecided() -> None:
    none = replace(audited(), clean=estimate(0, 0), verdict=Verdict(Status.INCONCLUSIVE, "", None, estimate(0, 0), 0.5))
    gate = decide(Policy(Limits(0.9, 0.3, 0.05)), replace(none, lost=Paired(0, 0, 0), doubt="no image"))
    about_figures = [criterion for criterion in gate.criteria if criterion.threshold is not None]
    assert len(about_figures) == 4
    assert {criterion.outcome for criterion in about_figures} == {UNDECIDED}
    assert {criterion.more_images for criterion in about_figures} == {None}


def test_never_fails_on_no_finding_and_thresholds_count_all_the_same() -> None:
    policy = Policy(Limits(min_verified=0.61), FailOn.NEVER)
    gate = decide(policy, audited("FR301", status=Status.FAKE))
    assert of_kind(gate, CriterionKind.FINDINGS).outcome is PASSED
    assert gate.outcome is FAILED


@pytest.mark.parametrize("name", ["transfer", "GM104"])
def test_a_required_check_passes_only_if_it_ran(name: str) -> None:
    policy = Policy(require=(name,), fail_on=FailOn.NEVER)
    assert decide(policy, audited("GM104")).outcome is PASSED, "what it found is not the question"
    skipped = replace(audited(), skipped=(Skip("transfer", "left out by --effort quick; --effort standard runs it"),))
    faulted = replace(audited(), faults=(Fault("transfer", "RuntimeError: lost"),))
    for given, why in ((skipped, "--effort standard runs it"), (faulted, "RuntimeError: lost")):
        criterion = of_kind(decide(policy, given), CriterionKind.REQUIRED)
        assert criterion.outcome is UNDECIDED
        assert why in criterion.reason
        assert decide(policy, given).outcome is UNDECIDED


def test_a_required_check_that_does_not_exist_is_no_pass() -> None:
    assert of_kind(decide(Policy(require=("no-such-check",)), audited()), CriterionKind.REQUIRED).outcome is UNDECIDED


def test_every_check_can_be_required() -> None:
    names = tuple(check.name for check in CHECKS)
    declared = audited(declared=0.3)
    gate = decide(Policy(require=names), declared)
    assert [criterion.outcome for criterion in gate.criteria if criterion.kind is CriterionKind.REQUIRED] == [
        PASSED
    ] * len(names)
    everything = replace(declared, skipped=tuple(Skip(name, "why") for name in names))
    assert decide(Policy(require=names), everything).outcome is UNDECIDED


def test_a_failure_outweighs_what_is_undecided() -> None:
    policy = Policy(Limits(min_verified=0.6, min_clean=0.98))
    assert decide(policy, audited()).outcome is FAILED


def test_the_rules_on_the_sample_are_those_that_leave_the_audit_undecided() -> None:
    assert {rule.RULE.code for rule in OF_THE_SAMPLE} == MISREAD


@pytest.mark.parametrize("code", sorted(MISREAD))
def test_what_was_found_on_a_sample_that_does_not_fit_fails_no_model(code: str) -> None:
    """Wrong labels or a wrong range are the pipeline's mistake: exit 3, and never a pass."""
    given = audited(code, "FR302", status=Status.INCONCLUSIVE, doubt="The inputs are prepared wrongly.")
    gate = decide(Policy(), given)
    assert of_kind(gate, CriterionKind.FINDINGS).outcome is UNDECIDED
    assert gate.outcome is UNDECIDED
    assert not any(map(gate.counts, given.findings))
    waived = audited(
        code, status=Status.INCONCLUSIVE, doubt="The inputs are prepared wrongly.", waivers=(waiver(code),)
    )
    assert decide(Policy(), waived).outcome is UNDECIDED
