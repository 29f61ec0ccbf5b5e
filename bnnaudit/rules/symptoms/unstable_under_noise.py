"""GM112: the predictions change under noise of half the radius ([Pintor et al. 2022], second indicator)."""

from bnnaudit.core.finding import Confidence, Measurement, Rule, Severity
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.share_rule import noise_probe, share_rule, share_threshold

RULE = Rule(
    code="GM112",
    name="unstable-under-noise",
    severity=Severity.WARNING,
    summary="Small random noise changes the class of many images.",
    meaning=(
        "Where the prediction jumps from point to point, a single gradient says nothing about the next step, and attacks "
        "wander. It is a sign of randomised or shattered networks such as k-winners-take-all, not of robustness."
    ),
    measured=(
        "Ten copies of up to 100 correctly classified images with uniform noise of half the radius; an image counts if at "
        "least one copy in ten is assigned to another class. The mean relative change of the loss is reported as well."
    ),
    threshold=share_threshold("the share of such images"),
    source="[Pintor et al. 2022], indicator I2 (which averages the relative change of the loss and gives no threshold).",
    remedy="Attack with gradients averaged over noisy copies (as this audit does, see SP211), and quote the verified accuracy.",
    false_alarms="A model of low clean accuracy has many images near a decision boundary, across which noise moves them.",
)

CHECK = share_rule(
    RULE,
    "noise",
    of=noise_probe,
    share=lambda seen: share("images that noise moves", seen.flipped, seen.images),
    numbers=lambda seen, counted: (
        counted,
        Measurement("mean relative change of the loss", seen.loss_change, "", seen.images),
        Measurement("cosine of neighbouring gradients", seen.gradient_cosine, "", seen.images),
    ),
    confidence=Confidence.MEDIUM,
    message=lambda seen, counted: (
        f"Noise of {seen.radius:.4f} of the range, half the radius, changes the class of {percent(counted.value)} of the "
        "correctly classified images: a single gradient means little on this network."
    ),
)
