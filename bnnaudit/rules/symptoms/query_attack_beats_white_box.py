"""GM107: an attack that only sees scores beats the one that sees gradients ([A18], [C19])."""

from __future__ import annotations

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import accuracy, compare, percent

RULE = Rule(
    code="GM107",
    name="query-attack-beats-white-box",
    severity=Severity.WARNING,
    summary="Square Attack, which sees scores only, fools many images that the gradient attack left.",
    meaning=(
        "Square Attack changes random squares of the image and keeps what lowers the margin. It knows less than an attack "
        "with gradients; where it does better the gradients are masked, and hiding them protects nobody."
    ),
    measured=(
        "Square Attack on each image that ordinary PGD left, with 300 queries an image (--effort standard) or 5,000 "
        "(thorough). Compared image by image, each success replayed."
    ),
    threshold=(
        "Fires when Square fools at least 5 points of the sample that PGD left, the interval of that gain lies above zero, "
        "and McNemar's exact p-value is below 0.05 after Holm's correction over the comparisons of the run."
    ),
    source="Andriushchenko et al. 2020; Athalye, Carlini & Wagner 2018, second behaviour; AutoAttack's own flag.",
    remedy="As for GM104: attack with a temperature and an adaptive surrogate, and quote the verified accuracy.",
    false_alarms="None known for a material difference: each image is misclassified by the deployed model.",
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack, and Square on what it left."""
    return plan.claim, plan.query_trial


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Counts what Square found beyond the gradient."""
    plan = evidence.plan
    gradient, square = evidence.results[plan.claim], evidence.results[plan.query_trial]
    pair = compare(gradient.standing, square.standing)
    if not pair.is_material:
        return pair.undecided("query attack against white box")
    message = (
        f"PGD leaves {percent(gradient.standing.mean())} of the images standing; Square Attack, without gradients and with "
        f"at most {square.trial.attack.image_steps:,} queries each, fools {percent(pair.gain)} of the sample beyond that."
    )
    numbers = (
        accuracy("after PGD", gradient.standing),
        accuracy("after PGD and Square", square.standing),
        *pair.measured("gain of Square"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers, pair.p_value),)


CHECK = Check("query-attack", (RULE,), trials, judge, Effort.STANDARD)
