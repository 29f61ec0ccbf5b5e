"""MF408: classes that the model never predicts."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity

RULE = Rule(
    code="MF408",
    name="dead-classes",
    severity=Severity.WARNING,
    summary="The model never predicts some class, although the sample has at least ten images of it.",
    meaning=(
        "A class that is never predicted suggests labels in another order than the model's, a wrong input range, or an output "
        "that quantization has disabled. All its images are misclassified, which the average accuracy hides."
    ),
    measured="The classes that the deployed model predicts for the clean sample, beside the labels.",
    threshold="Fires when a class with at least ten images in the sample is predicted for none of the sample's images.",
    source="This tool's own requirement.",
    remedy="Check the order of the classes and --input-range; then the scale of the last quantized layer.",
    false_alarms="A class that really is never recognised is a weakness of the model and deserves the same attention.",
)


def judge(evidence: Evidence) -> Judged:
    """Lists the classes."""
    dead = evidence.agreement.never_answered
    if not dead:
        return ()
    named = ", ".join(str(index) for index in dead[:10]) + (", ..." if len(dead) > 10 else "")
    plural = "classes" if len(dead) > 1 else "class"
    message = f"The model never predicts {plural} {named}, although the sample has images of {'them' if len(dead) > 1 else 'it'}."
    numbers = (Measurement("classes never answered", len(dead), "classes", evidence.facts.num_classes),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("dead-classes", RULE, judge)
