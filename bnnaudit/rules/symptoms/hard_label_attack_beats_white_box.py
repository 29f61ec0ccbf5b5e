"""GM108: an attack that only sees the predicted class beats the one that sees gradients ([A18], [C19])."""

from __future__ import annotations

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import accuracy, compare, percent

RULE = Rule(
    code="GM108",
    name="hard-label-attack-beats-white-box",
    severity=Severity.WARNING,
    summary="An attack that is told the predicted class alone fools many images that the gradient attack left.",
    meaning=(
        "Whoever can use the model at all can run this attack: it needs no gradient and no score. Whatever flattens scores or "
        "hides gradients leaves it untouched, so where it does better than PGD, PGD measured the hiding, not the model."
    ),
    measured=(
        "On each image that ordinary PGD left, with 5,000 queries an image (--effort thorough): for L-inf the signs of blocks "
        "of pixels are flipped to bring another class nearer (RayS), for L2 the attack walks along the boundary by normals "
        "estimated from classes (HopSkipJump). Compared image by image, each success replayed."
    ),
    threshold=(
        "Fires when it fools at least 5 points of the sample that PGD left, the interval of that gain lies above zero, and "
        "McNemar's exact p-value is below 0.05 after Holm's correction over the comparisons of the run."
    ),
    source=(
        "Chen & Gu 2020 (RayS); Chen, Jordan & Wainwright 2020 (HopSkipJump); Carlini et al. 2019, which asks for a hard-label "
        "attack beside one on scores; Athalye, Carlini & Wagner 2018, second behaviour."
    ),
    remedy=(
        "Find out what PGD lacks: SP rules name the cause and the table of cures what removes it. Quote the verified accuracy. "
        "If GM107 is quiet, the scores themselves are flattened or noisy: look at SP209 and MF405 first."
    ),
    false_alarms="None known for a material difference: each image is misclassified by the deployed model.",
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack, and the hard-label one on what it left."""
    return plan.claim, plan.hard_label_trial


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Counts what the classes alone gave away beyond the gradient."""
    plan = evidence.plan
    gradient, blind = evidence.results[plan.claim], evidence.results[plan.hard_label_trial]
    pair = compare(gradient.standing, blind.standing)
    if not pair.is_material:
        return pair.undecided("hard-label attack against white box")
    message = (
        f"PGD leaves {percent(gradient.standing.mean())} of the images standing; an attack that sees only the predicted class, "
        f"at most {blind.trial.attack.image_steps:,} times per image, fools {percent(pair.gain)} of the sample beyond that."
    )
    numbers = (
        accuracy("after PGD", gradient.standing),
        accuracy("after PGD and the hard-label attack", blind.standing),
        *pair.measured("gain of the hard-label attack"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers, pair.p_value),)


CHECK = Check("hard-label", (RULE,), trials, judge, Effort.THOROUGH)
