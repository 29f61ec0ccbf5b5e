"""GM106: uniform random search finds adversarial images that the gradient did not ([A18], [C19])."""

from __future__ import annotations

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import accuracy, percent, share

NEGLIGIBLE = 0.01

RULE = Rule(
    code="GM106",
    name="random-search-beats-gradient",
    severity=Severity.WARNING,
    summary="Random points in the ball fool the model on images that the gradient attack left.",
    meaning=(
        "Drawing points at random is the weakest attack there is. Whatever it finds inside the radius an attack that "
        "follows a useful gradient finds as well; if it does not, its gradients are not useful."
    ),
    measured=(
        "On each image that ordinary PGD left, points are drawn by turns from the ball and from its corners (for L2 its "
        "sphere): 500 with --effort standard, 10,000 with thorough, or what --queries or the card's [attack] queries say. "
        "Each success is replayed."
    ),
    threshold="Fires when the 95 % interval of the share of the sample that only random search fooled lies above 1 %.",
    source="Athalye, Carlini & Wagner 2018, fourth behaviour; Carlini et al. 2019 (10,000 draws or more).",
    remedy=(
        "Do not quote the gradient attack's figure. Look for a blocked, saturated or shattered gradient (SP201, SP205, "
        "SP211), attack with its cure, and read the verified accuracy."
    ),
    false_alarms="None known: the images are real adversarial images which the gradient attack missed.",
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack, and random search on what it left."""
    return plan.claim, plan.random_trial


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Counts what random search found beyond the gradient."""
    plan = evidence.plan
    gradient, random = evidence.results[plan.claim], evidence.results[plan.random_trial]
    found = share("found by random search alone", int((gradient.standing & ~random.standing).sum()), evidence.samples)
    if found.low is None or found.low <= NEGLIGIBLE:
        return ()
    message = (
        f"Of the images that PGD leaves standing ({percent(gradient.standing.mean())}), up to "
        f"{random.trial.attack.image_steps:,} random points each fool the model on {percent(found.value)} of the sample: "
        "guessing succeeds where the gradient fails."
    )
    numbers = (accuracy("after PGD", gradient.standing), found)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("random-search", (RULE,), trials, judge, Effort.STANDARD)
