"""GM113: the loss does not rise ([P22], [C19])."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent, share

TOLERATED = 0.05

RULE = Rule(
    code="GM113",
    name="loss-does-not-rise",
    severity=Severity.WARNING,
    summary="On many images the attack's own loss is never higher than where it started.",
    meaning=(
        "An attack that climbs a loss must at least climb it. Where the loss never rises the gradient is zero, points the "
        "wrong way, or rounding swallows it; that the image stands then says nothing about the model."
    ),
    measured=(
        "Ordinary PGD is watched step by step on up to 100 correctly classified images, its loss computed in double "
        "precision from the logits; images that it fools are left out of the count but not of the total."
    ),
    threshold="Fires when the 95 % interval of the share of images that stand with a loss that never rose lies above 5 %.",
    source="Carlini et al. 2019; Pintor et al. 2022.",
    remedy="Look for the cause in SP201 to SP211 and attack with its cure.",
    false_alarms="None known: five of a hundred gradients that lead nowhere are a failing attack.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the images that stand with a flat loss."""
    seen = evidence.probes.climb
    if seen is None:
        return (Skip("loss-rise", evidence.probes.why_missing("climb")),)
    flat = share("images whose loss never rose", seen.flat, seen.images)
    if flat.low is None or flat.low <= TOLERATED:
        return ()
    message = (
        f"On {percent(flat.value)} of the images PGD's own loss never rises above that of its start in {seen.steps} steps: "
        "the attack does not climb there, and the image stands for that reason alone."
    )
    numbers = (flat, share("images that stand", seen.standing, seen.images))
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("loss-rise", (RULE,), no_trials, judge)
