"""GM103: an attack without a bound does not reach 100 % ([A18], [G22] Figure 1)."""

from __future__ import annotations

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import accuracy, percent

NEGLIGIBLE = 0.01

RULE = Rule(
    code="GM103",
    name="unbounded-attack-fails",
    severity=Severity.WARNING,
    summary="The ordinary attack does not break every image even when it may change every pixel to anything.",
    meaning=(
        "With the whole range of pixel values allowed an attacker can turn any image into one of another class. An attack "
        "that fails even there fails for want of a gradient, and so its figures at smaller radii mean nothing."
    ),
    measured=(
        "Ordinary PGD runs at radii from a quarter of the threat's up to the whole box of images, with steps of a quarter "
        "of each radius (an eighth for L2); successes are replayed."
    ),
    threshold="Fires when the 95 % interval of the accuracy left at the largest radius lies above 1 %.",
    source="Athalye, Carlini & Wagner 2018, third behaviour; Carlini et al. 2019; Gupta & Ajanthan 2022, Figure 1.",
    remedy="As for GM101: treat every accuracy from this attack as unproven and read the verified one.",
    false_alarms=(
        "A random start in the whole box can land where the network answers the true class whatever happens; "
        "this explains a percent or two at most, and restarts remove it."
    ),
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack at each radius."""
    return plan.radius_trials


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the largest radius."""
    last = evidence.results[evidence.plan.radius_trials[-1]]
    left = accuracy("at the largest radius", last.standing)
    if left.low is None or left.low <= NEGLIGIBLE:
        return ()
    message = (
        f"Even when PGD may change every pixel to any value it leaves {percent(left.value)} of the images standing: "
        "the attack fails for want of a gradient, not because the model resists."
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, (left,)),)


CHECK = Check("radius", (RULE,), trials, judge, Effort.STANDARD)
