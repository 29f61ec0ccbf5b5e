"""MF408: classes that the model never answers."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip

RULE = Rule(
    code="MF408",
    name="dead-classes",
    severity=Severity.WARNING,
    summary="The model gives some class for no image, though the sample holds at least ten of it.",
    meaning=(
        "A class that is never answered means labels in another order than the model's, a wrong input range, or an output "
        "that died in quantization. Images of that class count as misclassified everywhere and hide behind the average."
    ),
    measured="The classes that the deployed model gives for the clean sample, beside the labels.",
    threshold="Fires when a class with at least ten images in the sample is given for none of the sample's images.",
    source="This tool's own requirement.",
    remedy="Check the order of the classes and --input-range; then the scale of the last quantized layer.",
    false_alarms="A class that is really never recognised is a weakness of the model, and worth the same look.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Lists the classes."""
    dead = evidence.agreement.never_answered
    if not dead:
        return ()
    named = ", ".join(str(index) for index in dead[:10]) + (", ..." if len(dead) > 10 else "")
    plural = "classes" if len(dead) > 1 else "class"
    message = f"The model never answers {plural} {named}, though the sample holds images of it."
    numbers = (Measurement("classes never answered", len(dead), "classes", evidence.facts.num_classes),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("dead-classes", (RULE,), no_trials, judge)
