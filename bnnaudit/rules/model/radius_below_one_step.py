"""MF411: the radius is too small for an input of whole numbers: no other image lies in the ball."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.threat import length_text

RULE = Rule(
    code="MF411",
    name="radius-below-one-step",
    severity=Severity.WARNING,
    summary="The network takes whole numbers, and the radius is shorter than the step from one of them to the next.",
    meaning=(
        "Nobody can change an image by so little: the network would be given the same numbers. Whatever it is, nothing is left "
        "to attack, and its adversarial accuracy is its clean one."
    ),
    measured="The radius in the range of the input, against the smallest step between two values of a pixel.",
    threshold="Fires where no other image lies within the radius.",
    source="Arithmetic.",
    remedy="Audit at a radius of one step or more: 1/255 for pixels of 8 bits.",
    false_alarms="None: it says what the radius is worth and nothing of the model.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the threat alone; a radius of 0 was meant."""
    threat = evidence.plan.threat
    if not threat.empty or threat.grid is None or threat.eps == 0:
        return ()
    step = threat.grid.shortest / threat.box.width
    message = (
        f"The radius {length_text(threat.eps)} is shorter than one step of the {threat.grid.kind} input, "
        f"{length_text(step)}: no other image lies within it, so nothing could be attacked."
    )
    number = Measurement("radius in steps of the input", threat.eps / step, "steps", 1)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, (number,)),)


CHECK = Check("empty-ball", (RULE,), no_trials, judge)
