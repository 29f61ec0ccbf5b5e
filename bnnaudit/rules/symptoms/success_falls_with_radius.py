"""GM110: a larger radius makes the attack worse ([Carlini et al. 2019])."""

from itertools import pairwise

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Rule, Severity
from bnnaudit.core.threat import length_text
from bnnaudit.core.trial import TrialResult
from bnnaudit.rules.comparison import accuracy, left
from bnnaudit.rules.paired_rule import gain_threshold, paired_rule

RULE = Rule(
    code="GM110",
    name="success-falls-with-radius",
    severity=Severity.WARNING,
    summary="The ordinary attack fools fewer images at a larger radius than at a smaller one.",
    meaning=(
        "The larger ball contains the smaller one, so every adversarial image found at the smaller radius is still allowed. An "
        "attack that does worse with more room has a gradient that is useful near the image at most."
    ),
    measured="Ordinary PGD at radii from a quarter of the threat's to the whole box, each beside the next larger.",
    threshold=gain_threshold("PGD at one of the radii", "PGD at the next larger one", "the number of pairs"),
    source="[Carlini et al. 2019] (success must never fall as the radius grows).",
    remedy="As for GM103: the attack needs a gradient that reaches the input; rely on the verified accuracy.",
    false_alarms="Steps grow with the radius and can overshoot on a strongly curved loss; more --steps help.",
)


def _radius(result: TrialResult) -> str:
    return length_text(result.trial.threat.eps)


CHECK = paired_rule(
    RULE,
    "radius-order",
    comparison="radius against radius",
    pairs=lambda plan: [(larger, smaller) for smaller, larger in pairwise(plan.radius_trials)],
    numbers=lambda seen: [
        accuracy(f"at {_radius(result)}", result.standing) for result in (seen.other, seen.reference)
    ],
    gain="lost with the larger radius",
    least=Effort.STANDARD,
    message=lambda seen: (
        f"PGD leaves an accuracy of {left(seen.other)} at radius {_radius(seen.other)} and {left(seen.reference)} at "
        f"{_radius(seen.reference)}: with more room the attack does worse."
    ),
)
