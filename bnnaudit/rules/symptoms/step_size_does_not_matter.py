"""GM111: the step size does not matter ([G22], Figure 3)."""

from __future__ import annotations

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import MATERIAL, accuracy, compare, percent

ENOUGH_LEFT = 0.10

RULE = Rule(
    code="GM111",
    name="step-size-does-not-matter",
    severity=Severity.WARNING,
    summary="Steps too tiny to go anywhere break as many images as proper ones.",
    meaning=(
        "Steps that together cover a tenth of the radius keep the attack where it started. If they do as well as the "
        "ordinary ones, these do not climb either: what is fooled is fooled by the random start."
    ),
    measured=(
        "Ordinary PGD with its own step size, and with steps that add up to a tenth of the radius, from the same random "
        "starts; compared image by image, each success replayed."
    ),
    threshold=(
        "Fires when at least 10 % of the images stand after the ordinary attack and the 95 % interval of what it takes "
        "beyond the tiny steps lies below 5 points."
    ),
    source="Gupta & Ajanthan 2022, Figure 3.",
    remedy="As for GM101: the attack needs a gradient (a temperature, an adaptive surrogate); quote the verified accuracy.",
    false_alarms=(
        "At a radius so small that no attack does anything, every step size does as little. The verdict is not affected."
    ),
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack, and one of tiny steps."""
    return plan.claim, plan.tiny_steps_trial


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Compares tiny steps with ordinary ones."""
    plan = evidence.plan
    ordinary, tiny = evidence.results[plan.claim], evidence.results[plan.tiny_steps_trial]
    pair = compare(tiny.standing, ordinary.standing)
    left = accuracy("after ordinary steps", ordinary.standing)
    if left.value < ENOUGH_LEFT or pair.interval[1] >= MATERIAL:
        return ()
    message = (
        f"Steps that add up to a tenth of the radius leave {percent(tiny.standing.mean())} of the images standing, ordinary "
        f"ones {percent(left.value)}: PGD's steps lead nowhere."
    )
    numbers = (accuracy("after tiny steps", tiny.standing), left, *pair.measured("gain of ordinary steps"))
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers),)


CHECK = Check("step-size", (RULE,), trials, judge, Effort.STANDARD)
