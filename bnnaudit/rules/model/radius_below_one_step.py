"""MF411: the radius is too small for an integer input: no other image lies in the ball."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity
from bnnaudit.core.threat import length_text

RULE = Rule(
    code="MF411",
    name="radius-below-one-step",
    severity=Severity.WARNING,
    summary="The network takes integers, and the radius is smaller than the step from one input value to the next.",
    meaning="No image can change by so little: the accuracy under attack is the clean one, whatever the model.",
    measured="The radius in the range of the input, against the smallest step between two values of a pixel.",
    threshold="Fires when no other image lies within the radius.",
    source="Arithmetic.",
    remedy="Audit at a radius of at least one step: --eps 1/255 for 8-bit pixels.",
    false_alarms="None: it is a statement about the radius, not about the model.",
)


def judge(evidence: Evidence) -> Judged:
    """Looks at the threat alone; a radius of 0 is intended."""
    threat = evidence.plan.threat
    if not threat.empty or threat.grid is None or threat.eps == 0:
        return ()
    step = threat.grid.shortest / threat.box.width
    message = (
        f"The radius {length_text(threat.eps)} is smaller than one step of the {threat.grid.kind} input, "
        f"{length_text(step)}: no other image lies within it, so nothing could be attacked."
    )
    number = Measurement("radius in steps of the input", threat.eps / step, "steps", 1)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, (number,)),)


CHECK = Check("empty-ball", RULE, judge)
