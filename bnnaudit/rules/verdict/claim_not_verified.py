"""FR302: what ordinary attacks claim does not survive better attacks."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.core.plan import SWEEP_STEPS
from bnnaudit.rules.comparison import (
    SERIOUS,
    VARYING,
    accuracy,
    compare,
    in_percent,
    is_serious,
    percent,
)
from bnnaudit.rules.paired_rule import gain_threshold

RULE = Rule(
    code="FR302",
    name="claim-not-verified",
    severity=Severity.ERROR,
    summary="Ordinary attacks leave well more accuracy than all attacks of the audit together.",
    meaning=(
        "Anyone who relies on the figure of ordinary attacks relies on robustness that does not exist. The verified accuracy "
        "counts an image only if it withstood every attack tried, each success confirmed by the deployed model."
    ),
    measured=(
        "Claimed: the images that withstand ordinary PGD (cross-entropy, b = 1, straight-through gradients) both with its own "
        f"steps and with {SWEEP_STEPS}, so that an attack that was merely cut short accuses nobody. Verified: the images that "
        "withstand every attack of the audit. A figure that the card declares is FR303's. Skipped where the model's answers vary "
        "(MF405, MF407)."
    ),
    threshold=(
        f"{gain_threshold('the audit', 'ordinary PGD')} An error where the loss is at least "
        f"{in_percent(SERIOUS)} of the claimed accuracy, a warning below."
    ),
    source="[Carlini et al. 2019] (per-image worst case over attacks); [McNemar 1947].",
    remedy=(
        "Replace the claimed figure by the verified one wherever it is stated, and apply the release criterion to that. To raise "
        "it, train adversarially with gradients that reach the input (a temperature, a surrogate that follows the scale of the "
        "layers)."
    ),
    false_alarms=(
        "The images are real: the deployed model misclassifies each of them. But stronger attacks always take some points from "
        "a single run of PGD, also on networks without gradient masking; hence it is an error only from "
        f"{in_percent(SERIOUS)} of the claim on."
    ),
)


def judge(evidence: Evidence) -> Judged:
    """Compares the verified accuracy with ordinary PGD."""
    if evidence.verified is None:
        return (Skip("claim", evidence.why_missing or "the verified accuracy was not reached"),)
    if evidence.agreement.answers_vary:
        return (Skip("claim", VARYING),)
    verified = accuracy("verified accuracy", evidence.verified)
    plain = evidence.claimed
    assert plain is not None
    pair = compare(plain, evidence.verified)
    if not pair.is_material:
        return pair.undecided("claimed against verified")
    message = (
        f"Ordinary PGD suggests an accuracy of {percent(plain.mean())} under attack; at most {percent(verified.value)} is left "
        "after better attacks, each success confirmed on the deployed model."
    )
    numbers = (accuracy("claimed accuracy (ordinary PGD)", plain), verified, *pair.measured("lost to better attacks"))
    serious = is_serious(float(plain.mean()), verified.value)
    severity = RULE.severity if serious else Severity.WARNING
    return (Finding(RULE, message, severity, Confidence.HIGH, numbers, pair.p_value),)


CHECK = Check("claim", RULE, judge, lambda plan: (plan.claim, plan.iteration_trial))
