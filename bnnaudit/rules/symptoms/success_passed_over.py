"""GM114: the attack passes over its own successes ([Pintor et al. 2022], third indicator)."""

from bnnaudit.core.finding import Rule, Severity
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.share_rule import climb_probe, share_rule, share_threshold

RULE = Rule(
    code="GM114",
    name="success-passed-over",
    severity=Severity.WARNING,
    summary="Many images are misclassified at some step of the attack and classified correctly again at its last step.",
    meaning=(
        "A tool that returns the last iterate, or the one of highest loss, loses these successes and reports the model as more "
        "robust than it is. It also shows that a higher loss does not mean being closer to a misclassification."
    ),
    measured=(
        "Ordinary PGD is followed step by step on up to 100 correctly classified images without stopping at a success; every "
        "iterate's class is compared with the last one's. The attacks of this audit keep the first success."
    ),
    threshold=share_threshold("the share of images that are fooled at an earlier step only"),
    source="[Pintor et al. 2022], indicator I3 (silent success).",
    remedy="Use tools that keep the first adversarial iterate; distrust figures of those that return the last one.",
    false_alarms="Large steps make an attack bounce across a boundary on any network; a smaller --step-size prevents that.",
)

CHECK = share_rule(
    RULE,
    "passed-over",
    of=climb_probe,
    share=lambda seen: share("images fooled on the way only", seen.passed_over, seen.images),
    message=lambda seen, counted: (
        f"{percent(counted.value)} of the images are misclassified at some step of PGD and correctly classified at its last: "
        "tools that return the last iterate count them as robust."
    ),
)
