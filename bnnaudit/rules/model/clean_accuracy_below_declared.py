"""MF403: the clean accuracy is below what the card declares."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.comparison import accuracy, percent

RULE = Rule(
    code="MF403",
    name="clean-accuracy-below-declared",
    severity=Severity.ERROR,
    summary="The model classifies fewer clean images correctly than its card declares.",
    meaning=(
        "Either this is not the model that the card speaks of, or it is fed differently from how it was trained. In both "
        "cases no figure about its robustness can be trusted."
    ),
    measured="Accuracy of the deployed model on the clean sample, with its 95 % Wilson interval.",
    threshold="Fires when the interval ends below the declared accuracy.",
    source="This tool's own requirement; Wilson 1927.",
    remedy="Check --input-range, --mean/--std, --layout and the order of the classes; then correct the card.",
    false_alarms="One sample in forty by chance alone, where the declared figure is exact.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Holds the sample against the declared figure."""
    declared = evidence.plan.declared.clean_accuracy
    if declared is None:
        return ()
    clean = accuracy("clean accuracy", evidence.clean)
    if clean.high is None or clean.high >= declared:
        return ()
    message = (
        f"The card declares a clean accuracy of {percent(declared)}; the sample shows {percent(clean.value)} "
        f"(at most {percent(clean.high)} with 95 % confidence). The model may be fed wrongly."
    )
    numbers = (clean, Measurement("declared clean accuracy", declared, "fraction of images"))
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers),)


CHECK = Check("clean-accuracy", (RULE,), no_trials, judge)
