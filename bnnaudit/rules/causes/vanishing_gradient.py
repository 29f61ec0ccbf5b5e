"""SP206: the gradient shrinks to almost nothing on its way through the network."""

from bnnaudit.core.finding import Confidence, Rule, Severity
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.share_rule import gradient_probe, share_rule, share_threshold

RULE = Rule(
    code="SP206",
    name="vanishing-gradient",
    severity=Severity.WARNING,
    summary="The input gradient is smaller than a millionth of the error signal at the logits.",
    meaning="A gradient this small is mostly rounding error: sums of numbers that cancel in float32 decide its signs.",
    measured=(
        "The input gradient, per unit of the [0,1] image, on up to 100 correctly classified images with an error signal of "
        "size one at the logits; an image counts if no entry exceeds 1e-6 although some are not zero."
    ),
    threshold=share_threshold("the share of such images"),
    source="[Gupta & Ajanthan 2022], section 4 (poor signal propagation); [Saxe et al. 2014].",
    remedy="Evaluate in double precision (see SP207) and with --error-signal exact; in training, scale the layers.",
    false_alarms="A network whose logits are scaled down as a whole shows it and can be attacked well all the same.",
)

CHECK = share_rule(
    RULE,
    "vanishing-gradient",
    of=gradient_probe,
    share=lambda seen: share("images with a vanishing gradient", seen.vanishing, seen.images),
    confidence=Confidence.MEDIUM,
    message=lambda seen, counted: (
        f"On {percent(counted.value)} of the images the input gradient is below a millionth of the error signal at the logits: "
        "it shrinks on its way through the network until rounding decides its signs."
    ),
)
