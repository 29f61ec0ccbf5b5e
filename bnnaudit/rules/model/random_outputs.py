"""MF405: the deployed model does not answer the same image the same way twice."""

from __future__ import annotations

from bnnaudit.core.evidence import Agreement, Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip

RULE = Rule(
    code="MF405",
    name="random-outputs",
    severity=Severity.ERROR,
    summary="The class of some clean images changes from one run to the next.",
    meaning=(
        "A model with randomness left in it (dropout, noise) makes single gradients unreliable and a single replay a game "
        "of chance. Its accuracy under attack cannot be measured by running each attack once."
    ),
    measured="The deployed model classifies the clean sample twice.",
    threshold="Fires when one image changes its class.",
    source="Athalye, Carlini & Wagner 2018 (stochastic gradients); the rules of RobustBench.",
    remedy="Export the model in evaluation mode. If the randomness is meant, it must be averaged over in the attack.",
    false_alarms="Threaded sums may round differently; an image at an exact tie can then change.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Counts the images whose class changed."""
    return findings_from(evidence.agreement)


def findings_from(seen: Agreement) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    if seen.unstable == 0:
        return ()
    message = f"The deployed model changed its answer on {seen.unstable} of {seen.images} clean images from run to run."
    numbers = (Measurement("images that changed class", seen.unstable, "images", seen.images),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("determinism", (RULE,), no_trials, judge)
