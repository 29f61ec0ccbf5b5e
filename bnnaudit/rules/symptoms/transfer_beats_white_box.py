"""GM104: images made on another network break the model better than its own gradients do ([A18], [G22] Figure 1)."""

from __future__ import annotations

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import accuracy, compare, percent

RULE = Rule(
    code="GM104",
    name="transfer-beats-white-box",
    severity=Severity.WARNING,
    summary="Adversarial images made on a substitute network fool the model more often than the white-box attack.",
    meaning=(
        "Who knows the model's own gradients can do no worse than who must guess them from another network. When a "
        "black-box attack wins, the model's gradients are masked and an attacker without them breaks it."
    ),
    measured=(
        "PGD runs on a substitute (--substitute, or a small float network trained on the spot to imitate the model's "
        "answers) and its images are put to the deployed model; compared image by image with ordinary white-box PGD."
    ),
    threshold=(
        "Fires when transfer fools at least 5 points more images, the interval of that gain lies above zero, and McNemar's "
        "exact p-value is below 0.05 after Holm's correction over the comparisons of the run."
    ),
    source="Athalye, Carlini & Wagner 2018, second behaviour; Carlini et al. 2019; Papernot et al. 2017.",
    remedy=(
        "Attack with a temperature and an adaptive surrogate. A low transfer rate, on the other hand, is no evidence of "
        "robustness: substitutes differ from the model."
    ),
    false_alarms="None known for a material difference; the images that only the transfer fooled are real attacks.",
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """White box and transfer, unless the plan has no substitute."""
    return (plan.claim, plan.transfer_trial) if plan.transfer else (plan.claim,)


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Compares transfer with the white box."""
    plan = evidence.plan
    if not plan.transfer:
        return (Skip("transfer", "switched off"),)
    white, black = evidence.results[plan.claim], evidence.results[plan.transfer_trial]
    pair = compare(white.standing, black.standing)
    if not pair.is_material:
        return pair.undecided("transfer against white box")
    message = (
        f"Images made on a substitute network, without the model's gradients, leave {percent(black.standing.mean())} "
        f"standing; PGD with the model's own gradients leaves {percent(white.standing.mean())}. Knowing the model cannot "
        "make an attacker weaker: its gradients mislead the attack."
    )
    numbers = (
        accuracy("white-box PGD", white.standing),
        accuracy("transfer", black.standing),
        *pair.measured("gain of transfer"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers, pair.p_value),)


CHECK = Check("transfer", (RULE,), trials, judge, Effort.STANDARD)
