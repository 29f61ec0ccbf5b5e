"""GM116: the attack returns the image unchanged."""

from bnnaudit.core.finding import Rule, Severity
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.share_rule import gradient_probe, share_rule, share_threshold

RULE = Rule(
    code="GM116",
    name="adversarial-equals-original",
    severity=Severity.WARNING,
    summary="Without a random start the attack returns many images unchanged.",
    meaning="An image that comes back unchanged was never attacked, yet many tools count it as robust.",
    measured=(
        "One step of ordinary PGD that starts at the image itself, on up to 100 correctly classified images; an image counts "
        "if no pixel moved. Further steps would repeat the first."
    ),
    threshold=share_threshold("the share of unchanged images"),
    source="[Pintor et al. 2022], indicator I1; users of other attack libraries report the symptom.",
    remedy="The gradient is zero: see SP201 (saturation) and SP205 (a layer that blocks it), and attack with the cure.",
    false_alarms="None known.",
)

CHECK = share_rule(
    RULE,
    "unmoved",
    of=gradient_probe,
    share=lambda seen: share("images that a step leaves as they are", seen.unmoved, seen.images),
    message=lambda seen, counted: (
        f"A step of PGD from the image itself leaves {percent(counted.value)} of the images exactly as they are: tools without a "
        "random start return them unchanged and count them as robust."
    ),
)
