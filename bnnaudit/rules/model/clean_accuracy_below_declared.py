"""MF403: the clean accuracy is below what the card declares."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.comparison import NO_LABELS, NONE_DECLARED, accuracy, percent

RULE = Rule(
    code="MF403",
    name="clean-accuracy-below-declared",
    severity=Severity.ERROR,
    summary="The model classifies fewer clean images correctly than its card declares.",
    meaning="Another model than the card describes, or wrong inputs: no figure about its robustness can be trusted.",
    measured=(
        "Accuracy of the deployed model on the whole clean sample, however many of its images were attacked, with its 95 % "
        "Wilson interval."
    ),
    threshold="Fires when the interval ends below the declared accuracy.",
    source="This tool's own requirement; [Wilson 1927].",
    remedy="Check --input-range, --mean and --std, --layout and the order of the classes; then correct the card.",
    false_alarms="One sample in forty by chance alone, if the declared figure is exact.",
)


def judge(evidence: Evidence) -> Judged:
    """Compares the sample with the declared figure."""
    declared = evidence.plan.declared.clean_accuracy
    if declared is None:
        return (Skip("clean-accuracy", NONE_DECLARED),)
    if not evidence.labelled:
        return (Skip("clean-accuracy", NO_LABELS),)
    whole = evidence.clean_of_sample
    clean = accuracy("clean accuracy", evidence.clean if whole is None else whole)
    if clean.high is None or clean.high >= declared:
        return ()
    message = (
        f"The card declares a clean accuracy of {percent(declared)}; the sample shows {percent(clean.value)} "
        f"(at most {percent(clean.high)} with 95 % confidence). The inputs may be prepared wrongly."
    )
    numbers = (clean, Measurement("declared clean accuracy", declared, "fraction of images"))
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers),)


CHECK = Check("clean-accuracy", RULE, judge)
