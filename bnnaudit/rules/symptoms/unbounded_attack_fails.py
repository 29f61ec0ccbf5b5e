"""GM103: an attack without a bound does not succeed on every image ([Athalye et al. 2018])."""

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Rule, Severity
from bnnaudit.rules.comparison import accuracy, percent
from bnnaudit.rules.share_rule import share_rule, share_threshold

NEGLIGIBLE = 0.01
"""Accuracy that unlucky random starts in the whole box explain. Not tuned."""

RULE = Rule(
    code="GM103",
    name="unbounded-attack-fails",
    severity=Severity.WARNING,
    summary="The ordinary attack does not fool every image even if it may set every pixel to any value.",
    meaning=(
        "With the whole range of pixel values allowed, any image can be turned into one of another class. An attack that fails "
        "even then lacks a useful gradient, so its figures at smaller radii mean nothing."
    ),
    measured=(
        "Ordinary PGD runs at radii from a quarter of the threat's up to the whole box of images, with steps of a quarter "
        "of each radius (an eighth for L2); successes are replayed on the deployed model."
    ),
    threshold=share_threshold("the accuracy that is left at the largest radius", NEGLIGIBLE),
    source="[Athalye et al. 2018], third behaviour; [Carlini et al. 2019]; [Gupta & Ajanthan 2022], Figure 1.",
    remedy="As for GM101: treat every accuracy under this attack as unproven and rely on the verified one.",
    false_alarms="A random start in the whole box may be hopeless, on a percent or two of the images; restarts help.",
)

CHECK = share_rule(
    RULE,
    "radius",
    of=lambda evidence: evidence,
    share=lambda seen: accuracy("at the largest radius", seen.results[seen.plan.radius_trials[-1]].standing),
    above=NEGLIGIBLE,
    trials=lambda plan: plan.radius_trials,
    least=Effort.STANDARD,
    message=lambda seen, counted: (
        f"Even if PGD may set every pixel to any value it leaves an accuracy of {percent(counted.value)}: the attack fails "
        "for lack of a gradient, not because the model resists."
    ),
)
