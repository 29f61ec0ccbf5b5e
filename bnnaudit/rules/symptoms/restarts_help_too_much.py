"""GM105: random restarts help too much ([G22], Table 1)."""

from __future__ import annotations

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import MATERIAL, accuracy, compare, percent

RULE = Rule(
    code="GM105",
    name="restarts-help-too-much",
    severity=Severity.WARNING,
    summary="Twenty random starts of the same attack break many more images than one.",
    meaning=(
        "On a network whose gradients lead uphill nearly every start arrives at about the same loss, and further starts add "
        "a point or two. Where they add much, success is a matter of where the attack happens to begin: its steps do little."
    ),
    measured=(
        "Ordinary PGD with 1 and with 20 random starts, the first of them the same; an image counts as fooled if any start "
        "fools it. Compared image by image, each success replayed."
    ),
    threshold=(
        "Fires when 20 starts fool at least 5 points more images, the interval of that gain lies above zero, and McNemar's "
        "exact p-value is below 0.05 after Holm's correction over the comparisons of the run."
    ),
    source="Gupta & Ajanthan 2022, Table 1; Carlini et al. 2019 (doubling the restarts must change nothing).",
    remedy=(
        "Quote no figure from a single start. Find out why the steps lead nowhere (SP201, SP205, SP211) and attack with the "
        "cure; in training, nothing has to change for this symptom's sake."
    ),
    false_alarms=(
        "A short attack on a highly curved but honest network gains a few points from restarts; five are rarely reached. "
        "The verdict is not touched: it rests on images that the deployed model misclassifies."
    ),
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """One start, and many."""
    return plan.claim, plan.restarts_trial


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Compares one start with many."""
    plan = evidence.plan
    one, many = evidence.results[plan.claim], evidence.results[plan.restarts_trial]
    pair = compare(one.standing, many.standing)
    if not pair.is_material:
        return pair.undecided("one start against many")
    message = (
        f"{many.trial.attack.restarts} random starts leave {percent(many.standing.mean())} of the images standing, "
        f"{one.trial.attack.restarts} leaves {percent(one.standing.mean())}: where the attack begins matters more than "
        f"the steps it takes (more than {percent(MATERIAL)} is too much)."
    )
    numbers = (
        accuracy("after one start", one.standing),
        accuracy("after many starts", many.standing),
        *pair.measured("gain of restarts"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers, pair.p_value),)


CHECK = Check("restarts", (RULE,), trials, judge, Effort.STANDARD)
