"""SP205: a layer lets no gradient through ([A18]: shattered gradients; [P22], first indicator)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.core.plan import AuditPlan, Suspicion
from bnnaudit.core.trial import Source, Trial
from bnnaudit.rules.comparison import accuracy, percent, share

TOLERATED = 0.05

RULE = Rule(
    code="SP205",
    name="gradient-blocked",
    severity=Severity.WARNING,
    summary="A layer of the network lets no gradient through, whatever the loss.",
    meaning=(
        "The error signal arrives at this layer and does not come out on the other side: its derivative is zero or was cut "
        "off. No temperature and no loss helps. The function itself is as easy to attack as before."
    ),
    measured=(
        "The input gradient is taken on up to 100 correctly classified images with an error signal that cannot underflow. "
        "Hooks on every layer, step and hand-written autograd function tell how far back from the logits the signal comes. "
        "Where what stops it keeps its input's shape, ordinary PGD is run again with it passed straight through (BPDA). "
        "Square Attack, which needs no gradient, takes part in the verification."
    ),
    threshold=(
        "Fires when the 95 % interval of the share of images without any gradient lies above 5 %, with the layer's name."
    ),
    source="Athalye, Carlini & Wagner 2018 (BPDA); Pintor et al. 2022, indicator I1.",
    remedy=(
        "Attack with the layer's gradient replaced (BPDA), by queries, or from a substitute; release on that figure alone. "
        "Export the layer with its true or a straight-through gradient."
    ),
    false_alarms="None known: a gradient that is exactly zero for every loss cannot be followed.",
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack."""
    return (plan.claim,)


def optional_trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack with the layer bridged, where the probe saw one."""
    return (plan.cured_trial(Source.BRIDGED),) if Suspicion.BLOCKED in plan.suspicions else ()


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the share of images whose signal dies, and what a bridge gains."""
    seen = evidence.probes.gradient
    if seen is None:
        return (Skip("blocked-gradient", evidence.probes.why_missing("gradient")),)
    blocked = share("images without any gradient", seen.blocked, seen.images)
    if blocked.low is None or blocked.low <= TOLERATED:
        return ()
    numbers = [blocked]
    gain = ""
    bridged = evidence.results.get(evidence.plan.cured_trial(Source.BRIDGED))
    if bridged is not None:
        plain = evidence.results[evidence.plan.claim]
        numbers += [accuracy("PGD", plain.standing), accuracy("PGD with the layer bridged", bridged.standing)]
        gain = f" With it passed straight through PGD leaves {percent(bridged.standing.mean())}."
    else:
        gain = " It could not be passed straight through, so that attacks on scores alone must judge the model."
    message = (
        f"On {percent(blocked.value)} of the images no gradient reaches the input whatever the loss; the signal ends at "
        f"{seen.dies_at or 'a place that no hook sees'}.{gain}"
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, tuple(numbers)),)


CHECK = Check("blocked-gradient", (RULE,), trials, judge, optional_trials=optional_trials)
