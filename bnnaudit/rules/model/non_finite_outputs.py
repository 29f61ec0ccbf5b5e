"""MF402: the model returns NaN or infinity."""

from bnnaudit.core.evidence import Agreement, Check
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity

RULE = Rule(
    code="MF402",
    name="non-finite-outputs",
    severity=Severity.ERROR,
    summary="The model returns NaN or infinity on some clean images.",
    meaning="Such a score makes the class arbitrary and stops every gradient attack on that image.",
    measured="The deployed model's scores on every clean image of the sample, except log-probabilities of minus infinity.",
    threshold="Fires on one image.",
    source="This tool's own requirement.",
    remedy="Check the preprocessing first, then the weights and the export (overflow in half precision is common).",
    false_alarms="None known.",
)


def findings_from(seen: Agreement) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    if seen.nonfinite == 0:
        return ()
    message = f"The model returns NaN or infinity on {seen.nonfinite} of {seen.images} clean images."
    numbers = (Measurement("images with non-finite scores", seen.nonfinite, "images", seen.images),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("finite", RULE, lambda evidence: findings_from(evidence.agreement))
