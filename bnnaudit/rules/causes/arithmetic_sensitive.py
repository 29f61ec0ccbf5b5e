"""SP207: how robust the model looks depends on the arithmetic that the attack is computed in."""

from __future__ import annotations

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Source, Trial
from bnnaudit.rules.comparison import accuracy, compare, percent

RULE = Rule(
    code="SP207",
    name="arithmetic-sensitive",
    severity=Severity.WARNING,
    summary="The same attack computed in double precision breaks many more images.",
    meaning=(
        "Rounding is no defence. If float64 finds what float32 does not, the gradient was there and underflowed: the softmax "
        "saturates, or the signal shrinks below what float32 holds."
    ),
    measured=(
        "Ordinary PGD on the differentiable copy in float32 and in float64, same starts and steps; its images are rounded to "
        "float32 and replayed on the deployed model. Compared image by image."
    ),
    threshold=(
        "Fires when float64 fools at least 5 points more images, the interval of that gain lies above zero, and McNemar's "
        "exact p-value is below 0.05 after Holm's correction over the comparisons of the run."
    ),
    source="Gupta & Ajanthan 2022, section 3 (underflow of the error signal); Pintor et al. 2022.",
    remedy="Attack with --error-signal exact or a temperature, which cannot underflow; quote the verified accuracy.",
    false_alarms="None known for a material difference; a sign at an exact tie changes single images at most.",
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack in both precisions."""
    return plan.claim, plan.cured_trial(Source.FLOAT64)


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Compares float32 with float64."""
    plan = evidence.plan
    single, double = evidence.results[plan.claim], evidence.results[plan.cured_trial(Source.FLOAT64)]
    pair = compare(single.standing, double.standing)
    if not pair.is_material:
        return pair.undecided("float32 against float64")
    message = (
        f"PGD leaves {percent(single.standing.mean())} of the images standing in float32 and "
        f"{percent(double.standing.mean())} in float64: what looked like robustness was rounding."
    )
    numbers = (
        accuracy("PGD in float32", single.standing),
        accuracy("PGD in float64", double.standing),
        *pair.measured("gain of float64"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers, pair.p_value),)


CHECK = Check("arithmetic", (RULE,), trials, judge, Effort.STANDARD)
