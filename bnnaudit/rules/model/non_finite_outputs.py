"""MF402: the model returns values that are no finite numbers."""

from __future__ import annotations

from bnnaudit.core.evidence import Agreement, Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip

RULE = Rule(
    code="MF402",
    name="non-finite-outputs",
    severity=Severity.ERROR,
    summary="The model returns NaN or infinity on some clean images.",
    meaning="A score that is no number makes the class arbitrary and stops every gradient attack on that image.",
    measured="The deployed model's scores on every clean image of the sample, log-probabilities of minus infinity aside.",
    threshold="Fires on one image.",
    source="This tool's own requirement.",
    remedy="Check the preprocessing first, then the weights and the export (overflow in half precision is common).",
    false_alarms="None known.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Counts the images with such a score."""
    return findings_from(evidence.agreement)


def findings_from(seen: Agreement) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    if seen.nonfinite == 0:
        return ()
    message = f"The model returns NaN or infinity on {seen.nonfinite} of {seen.images} clean images."
    numbers = (Measurement("images with non-finite scores", seen.nonfinite, "images", seen.images),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("finite", (RULE,), no_trials, judge)
