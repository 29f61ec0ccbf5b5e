"""MF405: the deployed model gives different predictions for the same image."""

from bnnaudit.core.evidence import Agreement, Check
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity

RULE = Rule(
    code="MF405",
    name="random-outputs",
    severity=Severity.ERROR,
    summary="The class of some clean images changes from one run to the next.",
    meaning=(
        "Randomness left in a model (dropout, noise) makes single gradients unreliable and the outcome of a single replay a "
        "matter of chance. Its accuracy under attack cannot be measured by running each attack once."
    ),
    measured="The deployed model classifies the clean sample twice.",
    threshold="Fires when the class of one image changes.",
    source="[Athalye et al. 2018] (stochastic gradients); [Croce et al. 2021], RobustBench's rules for submissions.",
    remedy="Export the model in evaluation mode. If the randomness is intended, attacks must average over it.",
    false_alarms="Sums computed by several threads may round differently; an image at an exact tie can then change.",
)


def findings_from(seen: Agreement) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    if seen.unstable == 0:
        return ()
    message = (
        f"The deployed model changed its prediction on {seen.unstable} of {seen.images} clean images from run to run."
    )
    numbers = (Measurement("images that changed class", seen.unstable, "images", seen.images),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("determinism", RULE, lambda evidence: findings_from(evidence.agreement))
