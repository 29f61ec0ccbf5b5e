"""GM110: a larger radius makes the attack worse ([C19])."""

from __future__ import annotations

from itertools import pairwise

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.threat import length_text
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import accuracy, compare, percent

RULE = Rule(
    code="GM110",
    name="success-falls-with-radius",
    severity=Severity.WARNING,
    summary="The ordinary attack breaks fewer images at a larger radius than at a smaller one.",
    meaning=(
        "The larger ball holds the smaller one, so everything that was reached before can still be reached. An attack that "
        "does worse with more room is not searching: its gradient is useful near the image at most."
    ),
    measured=(
        "Ordinary PGD runs at radii from a quarter of the threat's up to the whole box of images, with steps in proportion; "
        "each radius is compared image by image with the next larger one."
    ),
    threshold=(
        "Fires when a larger radius leaves at least 5 points more images than the one before, the interval of that "
        "difference lies above zero, and McNemar's exact p-value, multiplied by the number of pairs, is below 0.05 after "
        "Holm's correction over the comparisons of the run."
    ),
    source="Carlini et al. 2019 (success must never fall as the radius grows).",
    remedy="As for GM103: the attack needs a gradient that reaches the input; read the verified accuracy.",
    false_alarms=(
        "Steps grow with the radius; on a very uneven honest network large steps can overshoot. More --steps then end it."
    ),
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack at each radius."""
    return plan.radius_trials


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Looks for the largest fall from one radius to the next."""
    results = [evidence.results[trial] for trial in evidence.plan.radius_trials]
    pairs = [(compare(larger.standing, smaller.standing), smaller, larger) for smaller, larger in pairwise(results)]
    if not pairs:
        return ()
    pair, smaller, larger = max(pairs, key=lambda entry: entry[0].gain)
    if not pair.is_material:
        return pair.undecided("radius against radius", len(pairs))
    near, far = length_text(smaller.trial.threat.eps), length_text(larger.trial.threat.eps)
    message = (
        f"PGD leaves {percent(smaller.standing.mean())} of the images standing at radius {near} and "
        f"{percent(larger.standing.mean())} at {far}: with more room the attack breaks less."
    )
    numbers = (
        accuracy(f"at {near}", smaller.standing),
        accuracy(f"at {far}", larger.standing),
        *pair.measured("lost with the larger radius"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers, pair.p_among(len(pairs))),)


CHECK = Check("radius-order", (RULE,), trials, judge, Effort.STANDARD)
