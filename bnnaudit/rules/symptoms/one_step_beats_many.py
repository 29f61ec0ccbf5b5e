"""GM102: one step breaks more images than many ([A18])."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import accuracy, compare, percent

RULE = Rule(
    code="GM102",
    name="one-step-beats-many",
    severity=Severity.WARNING,
    summary="A single step of the ordinary attack breaks more images than twenty.",
    meaning=(
        "Any point that one step reaches is open to an iterative attack as well. An iterative attack that does worse is "
        "stuck in a region without a useful gradient."
    ),
    measured="FGSM and PGD, both ordinary and at the same radius, are compared image by image after replay.",
    threshold=(
        "Fires when FGSM fools at least 5 points more images than PGD, the interval of that gain lies above zero, and "
        "McNemar's exact p-value is below 0.05 after Holm's correction over the comparisons of the run."
    ),
    source="Athalye, Carlini & Wagner 2018, first behaviour.",
    remedy="Attack with a temperature and with several surrogates; look at the zero-gradient share in the signal table.",
    false_alarms="Rare: FGSM moves each pixel by the whole radius, which a PGD of very few or very small steps cannot.",
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """FGSM and PGD."""
    return plan.one_step, plan.claim


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Compares many steps with one."""
    plan = evidence.plan
    one, many = evidence.results[plan.one_step], evidence.results[plan.claim]
    pair = compare(many.standing, one.standing)
    if not pair.is_material:
        return pair.undecided("one step against many")
    message = (
        f"One step (FGSM) leaves {percent(one.standing.mean())} of the images standing, {many.trial.attack.steps} steps of "
        f"PGD leave {percent(many.standing.mean())}: the iterative attack gets stuck where one step does not."
    )
    numbers = (accuracy("FGSM", one.standing), accuracy("PGD", many.standing), *pair.measured("gain of one step"))
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers, pair.p_value),)


CHECK = Check("one-step", (RULE,), trials, judge)
