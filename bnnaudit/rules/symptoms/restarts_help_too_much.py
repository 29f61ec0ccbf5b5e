"""GM105: random restarts help too much ([Gupta & Ajanthan 2022], Table 1)."""

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Confidence, Rule, Severity
from bnnaudit.core.plan import MANY_RESTARTS
from bnnaudit.rules.comparison import MATERIAL, left, percent
from bnnaudit.rules.paired_rule import both, gain_threshold, paired_rule

RULE = Rule(
    code="GM105",
    name="restarts-help-too-much",
    severity=Severity.WARNING,
    summary="The same attack fools many more images with many random starts than with one.",
    meaning=(
        "On a network with useful gradients nearly every start reaches about the same loss, and further starts add a point or "
        "two. If they add much, success depends on where the attack happens to start, and its steps contribute little."
    ),
    measured=(
        f"Ordinary PGD with 1 and with {MANY_RESTARTS} random starts, the first of them the same; an image counts as fooled if "
        "any start fools it. Compared image by image, each success replayed on the deployed model."
    ),
    threshold=gain_threshold(f"PGD with {MANY_RESTARTS} starts", "PGD with one"),
    source="[Gupta & Ajanthan 2022], Table 1; [Carlini et al. 2019] (doubling the restarts should change nothing).",
    remedy="Quote no figure from one start; look for the cause in SP201, SP205 and SP211, and attack with its cure.",
    false_alarms="A short attack on a strongly curved loss gains a few points from restarts, but rarely five.",
)

CHECK = paired_rule(
    RULE,
    "restarts",
    comparison="one start against many",
    pairs=lambda plan: [(plan.claim, plan.restarts_trial)],
    numbers=both("after one start", "after many starts"),
    gain="gain of restarts",
    confidence=Confidence.MEDIUM,
    least=Effort.STANDARD,
    message=lambda seen: (
        f"{seen.other.trial.attack.restarts} random starts leave an accuracy of {left(seen.other)}, "
        f"against {left(seen.reference)} with {seen.reference.trial.attack.restarts}: where the attack starts matters more than "
        f"the steps it takes (a difference above {percent(MATERIAL)} is too much)."
    ),
)
