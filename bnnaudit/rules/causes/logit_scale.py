"""SP208: the scale of the logits leaves the loss at temperature 1 without a signal ([Carlini & Wagner 2016])."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.share_rule import gradient_probe

LARGE, SMALL = 16.6, 1e-3
"""Gap of the two largest logits. 2^-24, the rounding of 1 in float32, is e^-16.6; the lower limit is not tuned."""

RULE = Rule(
    code="SP208",
    name="logit-scale",
    severity=Severity.WARNING,
    summary="The gap between the two largest logits saturates the softmax in float32, or leaves it nearly flat.",
    meaning=(
        "A factor on the logits changes no prediction, but it changes the cross-entropy. A very wide gap makes the true class's "
        "error signal exactly zero in float32; a gap near zero makes all classes look alike. Binary last layers, distillation at "
        "a high temperature and a deliberate factor all have this effect."
    ),
    measured="Median of the largest logit minus the second over up to 100 correctly classified images.",
    threshold=f"Fires when the median is above {LARGE:g}, where the softmax rounds to one, or below {SMALL:g}.",
    source="[Carlini & Wagner 2016] (defensive distillation); [Gupta & Ajanthan 2022], section 3.",
    remedy="Evaluate with --beta hns or --beta tracked; in training or export, divide the logits by the median gap.",
    false_alarms="The scale alone proves nothing; FR301 says whether it hides anything.",
)


def judge(evidence: Evidence) -> Judged:
    """Looks at the median gap."""
    seen = gradient_probe(evidence)
    if isinstance(seen, str):
        return (Skip("logit-scale", seen),)
    if SMALL <= seen.logit_gap <= LARGE or seen.probabilities:
        return ()
    effect = "the softmax rounds to one" if seen.logit_gap > LARGE else "the softmax cannot tell the classes apart"
    message = (
        f"The largest logit exceeds the second by {seen.logit_gap:.3g} on the median image, so {effect}: the "
        "cross-entropy at temperature 1 gives an attack next to no signal."
    )
    numbers = (Measurement("median gap of the two largest logits", seen.logit_gap, "", seen.images),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("logit-scale", RULE, judge)
