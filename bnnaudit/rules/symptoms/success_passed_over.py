"""GM114: the attack passes over its own successes ([P22], third indicator)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent, share

TOLERATED = 0.05

RULE = Rule(
    code="GM114",
    name="success-passed-over",
    severity=Severity.WARNING,
    summary="Many images are fooled on the way and classified correctly again at the attack's last step.",
    meaning=(
        "A tool that returns the last iterate, or the one of best loss, loses these successes and reports the model as more "
        "robust than it is. It also shows that the loss does not order the points as the decision does."
    ),
    measured=(
        "Ordinary PGD is watched step by step on up to 100 correctly classified images without stopping at a success; every "
        "iterate's class is compared with the last one's. The attacks of this audit keep the first success."
    ),
    threshold="Fires when the 95 % interval of the share of images fooled on the way only lies above 5 %.",
    source="Pintor et al. 2022, indicator I3 (silent success).",
    remedy="Use tools that keep the first adversarial iterate; distrust figures of those that return the last one.",
    false_alarms="Large steps make an honest network's attack bounce across a boundary; smaller --step-size then ends it.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the images fooled on the way only."""
    seen = evidence.probes.climb
    if seen is None:
        return (Skip("passed-over", evidence.probes.why_missing("climb")),)
    lost = share("images fooled on the way only", seen.passed_over, seen.images)
    if lost.low is None or lost.low <= TOLERATED:
        return ()
    message = (
        f"{percent(lost.value)} of the images are fooled at some step of PGD and right again at its last: tools that return "
        "the last iterate count them as robust."
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, (lost,)),)


CHECK = Check("passed-over", (RULE,), no_trials, judge)
