"""GM113: the loss does not rise ([Pintor et al. 2022], [Carlini et al. 2019])."""

from bnnaudit.core.finding import Rule, Severity
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.share_rule import climb_probe, share_rule, share_threshold

RULE = Rule(
    code="GM113",
    name="loss-does-not-rise",
    severity=Severity.WARNING,
    summary="On many images the attack's own loss never rises above its starting value.",
    meaning=(
        "An attack that maximises a loss must at least increase it. If the loss never rises, the gradient is zero, points the "
        "wrong way, or is lost to rounding; that the image withstands the attack then says nothing about the model."
    ),
    measured=(
        "Ordinary PGD is followed step by step on up to 100 correctly classified images, with its loss computed in double "
        "precision from the logits; images that it fools are not counted, but belong to the total."
    ),
    threshold=share_threshold("the share of images that withstand the attack with a loss that never rose"),
    source="[Carlini et al. 2019]; [Pintor et al. 2022].",
    remedy="Look for the cause in SP201 to SP211 and attack with its cure.",
    false_alarms="None known: an attack with a useless gradient on one image in twenty is failing.",
)

CHECK = share_rule(
    RULE,
    "loss-rise",
    of=climb_probe,
    share=lambda seen: share("images whose loss never rose", seen.flat, seen.images),
    numbers=lambda seen, counted: (counted, share("images that stand", seen.standing, seen.images)),
    message=lambda seen, counted: (
        f"On {percent(counted.value)} of the images PGD's own loss never rises above its starting value in {seen.steps} "
        "steps: the attack does not climb there, and the image withstands it for that reason alone."
    ),
)
