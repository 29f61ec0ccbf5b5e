"""GM109: accuracy above guessing where every image can be turned grey ([Carlini et al. 2019])."""

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity
from bnnaudit.rules.comparison import accuracy, percent
from bnnaudit.rules.share_rule import lies_above

RULE = Rule(
    code="GM109",
    name="above-guessing-at-half-range",
    severity=Severity.WARNING,
    summary="The attack leaves an accuracy above guessing although every image can be turned into the same grey one.",
    meaning=(
        "If every pixel may move by half the range, all images can be made identical, so no classifier can be right more "
        "often than by guessing. An attack that leaves more than that has failed, and so have its figures at smaller radii."
    ),
    measured="Ordinary PGD at half the range of pixel values (for L2, at half the length of the box's diagonal).",
    threshold="Fires when the 95 % interval of the accuracy that is left lies above 1 / number of classes.",
    source="[Carlini et al. 2019], sanity checks (accuracy above guessing at L-inf 0.5 is not possible).",
    remedy="As for GM101 and GM103: treat the attack's figures as unproven and rely on the verified accuracy.",
    false_alarms="Where classes are of unequal frequency, guessing the commonest beats 1 / number of classes.",
)


def judge(evidence: Evidence) -> Judged:
    """Compares the accuracy that is left with guessing."""
    counted = accuracy("at half the range", evidence.results[evidence.plan.half_range_trial].standing)
    guessing = 1 / evidence.facts.num_classes
    if not lies_above(counted, guessing):
        return ()
    message = (
        f"PGD leaves an accuracy of {percent(counted.value)} where every image can be turned into the same grey one; no "
        f"classifier can be right there more often than {percent(guessing)} of the time. The attack fails, the model does not "
        "resist."
    )
    numbers = (counted, Measurement("guessing", guessing, "fraction of images"))
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("half-range", RULE, judge, lambda plan: (plan.half_range_trial,), Effort.STANDARD)
