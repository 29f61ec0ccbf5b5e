"""FR302: the claimed accuracy under attack does not survive a better attack."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import MATERIAL, VARYING, accuracy, compare, is_serious, percent

RULE = Rule(
    code="FR302",
    name="claim-not-verified",
    severity=Severity.ERROR,
    summary="The claimed accuracy under attack is well above what is left after all attacks of the audit.",
    meaning=(
        "Whoever relies on the claimed figure relies on robustness that is not there. The verified accuracy counts an "
        "image only if it withstood every attack tried, each success confirmed by the deployed model."
    ),
    measured=(
        "Claimed: what ordinary PGD (cross-entropy, b = 1, straight-through gradients) leaves after its own steps and after "
        "100, so that an attack which was only cut short accuses nobody; or the figure the card declares. Verified: the "
        "images that every attack of the audit left standing. Skipped where the model's answers vary (MF405, MF407)."
    ),
    threshold=(
        "Against PGD: at least 5 points are lost, the interval of that loss lies above zero, and McNemar's exact p-value is "
        "below 0.05 after Holm's correction over the comparisons of the run. An error where it is a tenth "
        "of the claimed accuracy or more, a warning below. Against a declared figure: the 95 % interval "
        "of the verified accuracy ends at least 5 points below it."
    ),
    source="Carlini et al. 2019 (per-image worst case over attacks); McNemar 1947; Wilson 1927.",
    remedy=(
        "Replace the claimed figure by the verified one in whatever states it, and set the release bar on that. To raise "
        "it, train adversarially with gradients that reach the input (a temperature, an adaptive surrogate)."
    ),
    false_alarms=(
        "The images are real: the deployed model misclassifies each. But stronger attacks always take some points from one "
        "run of PGD, on networks that hide nothing as well; hence the tenth that is asked for before it is an error."
    ),
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The claim's own attack, and the same with steps enough to converge."""
    return plan.claim, plan.iteration_trial


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Holds the verified accuracy against the declared figure, or else against ordinary PGD."""
    if evidence.verified is None:
        return (Skip("claim", evidence.why_missing or "the verified accuracy was not reached"),)
    if evidence.agreement.answers_vary:
        return (Skip("claim", VARYING),)
    verified = accuracy("verified accuracy", evidence.verified)
    declared = evidence.plan.declared.adversarial_accuracy
    if declared is not None:
        return _against_declared(declared, verified)
    plain = evidence.claimed
    assert plain is not None
    pair = compare(plain, evidence.verified)
    if not pair.is_material:
        return pair.undecided("claimed against verified")
    message = (
        f"Ordinary PGD suggests an accuracy of {percent(plain.mean())} under attack; {percent(verified.value)} is left after "
        "better attacks, each success confirmed on the deployed model."
    )
    numbers = (accuracy("claimed accuracy (ordinary PGD)", plain), verified, *pair.measured("lost to better attacks"))
    serious = is_serious(float(plain.mean()), verified.value)
    severity = RULE.severity if serious else Severity.WARNING
    return (Finding(RULE, message, severity, Confidence.HIGH, numbers, pair.p_value),)


def _against_declared(declared: float, verified: Measurement) -> tuple[Finding, ...]:
    if verified.high is None or verified.high > declared - MATERIAL:
        return ()
    message = (
        f"The card declares an accuracy of {percent(declared)} under attack; {percent(verified.value)} is left after the "
        "audit's attacks, each success confirmed on the deployed model."
    )
    numbers = (Measurement("declared accuracy under attack", declared, "fraction of images"), verified)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("claim", (RULE,), trials, judge)
