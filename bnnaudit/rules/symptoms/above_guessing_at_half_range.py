"""GM109: accuracy above guessing where every image can be turned grey ([C19])."""

from __future__ import annotations

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import accuracy, percent

RULE = Rule(
    code="GM109",
    name="above-guessing-at-half-range",
    severity=Severity.WARNING,
    summary="The attack leaves the model better than guessing although every image may become the same grey one.",
    meaning=(
        "When every pixel may move by half the range all images can be made identical, so no classifier can be right more "
        "often than by guessing. An attack that leaves more than that has failed, and its figures at smaller radii with it."
    ),
    measured="Ordinary PGD at half the range of pixel values (for L2, at half the length of the box's diagonal).",
    threshold="Fires when the 95 % interval of the accuracy left lies above 1 / number of classes.",
    source="Carlini et al. 2019, sanity checks (accuracy above guessing at L-inf 0.5 is not possible).",
    remedy="As for GM101 and GM103: treat the attack's figures as unproven and read the verified accuracy.",
    false_alarms=(
        "With classes of very unequal frequency, guessing the commonest is right more often than 1 / number of classes."
    ),
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack at half the range."""
    return (plan.half_range_trial,)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Holds what is left against guessing."""
    left = accuracy("at half the range", evidence.results[evidence.plan.half_range_trial].standing)
    guessing = 1 / evidence.facts.num_classes
    if left.low is None or left.low <= guessing:
        return ()
    message = (
        f"PGD leaves {percent(left.value)} of the images standing where each may become the same grey image; no classifier "
        f"can be right there more often than {percent(guessing)} of the time. The attack fails, the model does not resist."
    )
    numbers = (left, Measurement("guessing", guessing, "fraction of images"))
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("half-range", (RULE,), trials, judge, Effort.STANDARD)
