"""SP205: a layer blocks the gradient ([Athalye et al. 2018]: shattered gradients; [Pintor et al. 2022], first indicator)."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.core.plan import Suspicion
from bnnaudit.core.trial import Source
from bnnaudit.rules.comparison import accuracy, left, percent, share
from bnnaudit.rules.share_rule import TOLERATED, gradient_probe, lies_above, share_threshold

RULE = Rule(
    code="SP205",
    name="gradient-blocked",
    severity=Severity.WARNING,
    summary="A layer of the network blocks the gradient, whatever the loss.",
    meaning=(
        "The error signal reaches this layer and does not pass through it: its derivative is zero or was cut off. Neither a "
        "temperature nor another loss helps. The function itself is as easy to attack as before."
    ),
    measured=(
        "The input gradient is computed on up to 100 correctly classified images with an error signal that cannot underflow. "
        "Hooks on every layer, step and custom autograd function show how far back from the logits the signal gets. Where the "
        "blocking part keeps the shape of its input, ordinary PGD is run again with it passed straight through (BPDA). "
        "Square Attack, which needs no gradient, takes part in the verification."
    ),
    threshold=share_threshold("the share of images without any gradient"),
    source="[Athalye et al. 2018] (BPDA); [Pintor et al. 2022], indicator I1.",
    remedy=(
        "Attack with the layer's gradient replaced (BPDA), with queries (--method square), or from a substitute "
        "(--method transfer), and release on that figure alone. Export the layer with its true or a straight-through gradient."
    ),
    false_alarms="None known: a gradient that is exactly zero for every loss cannot be followed.",
)


def judge(evidence: Evidence) -> Judged:
    """Looks at the share of images without a gradient, and what passing it straight through gains."""
    seen = gradient_probe(evidence)
    if isinstance(seen, str):
        return (Skip("blocked-gradient", seen),)
    blocked = share("images without any gradient", seen.blocked, seen.images)
    if not lies_above(blocked, TOLERATED):
        return ()
    numbers = [blocked]
    gain = "It could not be passed straight through, so attacks on scores alone must judge the model."
    bridged = evidence.results.get(evidence.plan.cured_trial(Source.BRIDGED))
    if bridged is not None:
        plain = evidence.results[evidence.plan.claim]
        numbers += [accuracy("PGD", plain.standing), accuracy("PGD with the layer bridged", bridged.standing)]
        gain = f"With that passed straight through, PGD leaves an accuracy of {left(bridged)}."
    message = (
        f"On {percent(blocked.value)} of the images no gradient reaches the input, whatever the loss; the signal ends at "
        f"{seen.blocked_at or 'a place without a hook'}. {gain}"
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, tuple(numbers)),)


CHECK = Check(
    "blocked-gradient",
    RULE,
    judge,
    lambda plan: (plan.claim,),
    optional_trials=lambda plan: (plan.cured_trial(Source.BRIDGED),) if Suspicion.BLOCKED in plan.suspicions else (),
)
