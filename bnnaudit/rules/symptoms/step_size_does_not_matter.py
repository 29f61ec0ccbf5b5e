"""GM111: the step size does not matter ([Gupta & Ajanthan 2022], Figure 3)."""

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Rule, Severity
from bnnaudit.core.plan import SHORT_TRAVEL
from bnnaudit.rules.comparison import in_percent, left
from bnnaudit.rules.paired_rule import no_gain_rule, no_gain_threshold

RULE = Rule(
    code="GM111",
    name="step-size-does-not-matter",
    severity=Severity.WARNING,
    summary="Steps too small to move far fool as many images as ordinary ones.",
    meaning=(
        f"Steps that together cover {in_percent(SHORT_TRAVEL)} of the radius keep the attack where it started. If they do as "
        "well as ordinary ones, those do not climb either: the images that are fooled are fooled by the random start."
    ),
    measured=(
        f"Ordinary PGD with its own step size, and with steps that add up to {in_percent(SHORT_TRAVEL)} of the radius, from the "
        "same random starts; compared image by image, each success replayed on the deployed model."
    ),
    threshold=no_gain_threshold("the ordinary attack", "the tiny steps"),
    source="[Gupta & Ajanthan 2022], Figure 3.",
    remedy="As for GM101: attack with --beta hns and --surrogate triangular, and quote the verified accuracy.",
    false_alarms="At a radius too small for any attack to succeed, every step size does equally little.",
)

CHECK = no_gain_rule(
    RULE,
    "step-size",
    weaker=("after tiny steps", lambda plan: plan.tiny_steps_trial),
    stronger=("after ordinary steps", lambda plan: plan.claim),
    gain="gain of ordinary steps",
    least=Effort.STANDARD,
    message=lambda seen: (
        f"Steps that add up to {in_percent(SHORT_TRAVEL)} of the radius leave an accuracy of {left(seen.reference)}, ordinary "
        f"ones {left(seen.other)}: the direction of PGD's steps is of no use."
    ),
)
