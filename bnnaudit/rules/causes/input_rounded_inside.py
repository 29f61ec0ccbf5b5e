"""SP210: the network rounds its input ([AutoAttack flags])."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.share_rule import gradient_probe

RULE = Rule(
    code="SP210",
    name="input-rounded-inside",
    severity=Severity.WARNING,
    summary="The network rounds its input to a grid, so small changes of a pixel have no effect.",
    meaning=(
        "Between two values of the grid the network is constant and its gradient zero; from one to the next it jumps. An attack "
        "that does not know the grid spends its radius on changes that are rounded away. Rounding is not a defence: anyone can "
        "use the grid values inside the radius."
    ),
    measured=(
        "Whether a step of the network acts on each input value by itself (if one pixel is changed, exactly one output of the "
        "step may change); for a network without known steps, whether the logits of all probed images stay bit-identical under "
        "noise of 1e-4 of the range."
    ),
    threshold="Fires when either is the case.",
    source="[AutoAttack flags] (most attacks fail on rounded inputs); [Athalye et al. 2018] (discretisation).",
    remedy="Pass the rounding straight through (as this audit does where it knows the step), or search the grid's values.",
    false_alarms="Networks for 8-bit images round to the pixels they are given, which costs an attacker nothing.",
)


def judge(evidence: Evidence) -> Judged:
    """Reports what the probe saw."""
    seen = gradient_probe(evidence)
    if isinstance(seen, str):
        return (Skip("input-rounding", seen),)
    if not seen.rounded_input:
        return ()
    message = (
        "The network rounds its input before anything else: changes of a pixel between two values of that grid have no effect, "
        "and the true gradient is zero. Tools that differentiate the model as it is fail for that reason alone."
    )
    numbers = (Measurement("images probed", seen.images, "images"),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("input-rounding", RULE, judge)
