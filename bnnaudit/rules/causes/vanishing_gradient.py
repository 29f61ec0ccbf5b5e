"""SP206: the gradient shrinks to almost nothing on its way through the network."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent, share

TOLERATED = 0.05

RULE = Rule(
    code="SP206",
    name="vanishing-gradient",
    severity=Severity.WARNING,
    summary="The input gradient is smaller than a millionth of the error signal at the logits.",
    meaning=(
        "A gradient this small is not zero, but what is left of it is rounding: sums of numbers that cancel in float32 give "
        "it its signs. A loss with a small error signal underflows on top of it."
    ),
    measured=(
        "The input gradient, per unit of the [0,1] image, on up to 100 correctly classified images with an error signal of "
        "size one at the logits; an image counts where no entry exceeds 1e-6 although it is not zero."
    ),
    threshold="Fires when the 95 % interval of the share of such images lies above 5 %.",
    source="Gupta & Ajanthan 2022, section 4 (poor signal propagation); Saxe et al. 2014.",
    remedy="Evaluate in double precision (see SP207) and with --error-signal exact; in training, scale the layers.",
    false_alarms="A network whose logits are scaled down as a whole shows it and is attacked well all the same.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the share of tiny gradients."""
    seen = evidence.probes.gradient
    if seen is None:
        return (Skip("vanishing-gradient", evidence.probes.why_missing("gradient")),)
    vanishing = share("images with a vanishing gradient", seen.vanishing, seen.images)
    if vanishing.low is None or vanishing.low <= TOLERATED:
        return ()
    message = (
        f"On {percent(vanishing.value)} of the images the gradient at the input is below a millionth of the error signal at "
        "the logits: it shrinks on its way through the network until rounding decides its signs."
    )
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, (vanishing,)),)


CHECK = Check("vanishing-gradient", (RULE,), no_trials, judge)
