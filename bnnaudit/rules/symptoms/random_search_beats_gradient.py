"""GM106: uniform random search finds adversarial images that the gradient attack missed ([Athalye et al. 2018])."""

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.finding import Measurement, Rule, Severity
from bnnaudit.core.plan import DRAWS
from bnnaudit.rules.comparison import accuracy, left, percent, share
from bnnaudit.rules.share_rule import share_rule, share_threshold

NEGLIGIBLE = 0.01
"""Share of the sample that chance may find. Not tuned."""

RULE = Rule(
    code="GM106",
    name="random-search-beats-gradient",
    severity=Severity.WARNING,
    summary="Random points in the ball fool the model on images that withstood the gradient attack.",
    meaning=(
        "Random points are the weakest attack there is. Whatever they find inside the radius, an attack with useful gradients "
        "finds as well; an attack that misses it has none."
    ),
    measured=(
        "For each image that withstood ordinary PGD, points are drawn in turn from the ball and from its corners (for L2 its "
        f"sphere): {DRAWS[Effort.STANDARD]:,} with --effort standard, {DRAWS[Effort.THOROUGH]:,} with --effort thorough, or as "
        "many as --queries or the card's [attack] queries asks for. Each success is replayed on the deployed model."
    ),
    threshold=share_threshold("the share of the sample that only random search fooled", NEGLIGIBLE),
    source="[Athalye et al. 2018], fourth behaviour; [Carlini et al. 2019] (10,000 draws or more).",
    remedy="Do not quote the gradient attack; look for the cause in SP201, SP205 and SP211, and attack with its cure.",
    false_alarms="None known: these are real adversarial images that the gradient attack missed.",
)


def _found(seen: Evidence) -> Measurement:
    gradient, random = seen.results[seen.plan.claim], seen.results[seen.plan.random_trial]
    return share("found by random search alone", int((gradient.standing & ~random.standing).sum()), seen.samples)


CHECK = share_rule(
    RULE,
    "random-search",
    of=lambda evidence: evidence,
    share=_found,
    above=NEGLIGIBLE,
    numbers=lambda seen, counted: (accuracy("after PGD", seen.results[seen.plan.claim].standing), counted),
    trials=lambda plan: (plan.claim, plan.random_trial),
    least=Effort.STANDARD,
    message=lambda seen, counted: (
        f"PGD leaves an accuracy of {left(seen.results[seen.plan.claim])}; up to "
        f"{seen.plan.random_trial.attack.image_steps:,} random points for each remaining image fool the model on another "
        f"{percent(counted.value)} of the sample: guessing succeeds where the gradient fails."
    ),
)
