"""GM115: the attack stops while its loss still rises ([P22], fourth indicator)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent, share

TOLERATED = 0.10

RULE = Rule(
    code="GM115",
    name="attack-not-converged",
    severity=Severity.NOTE,
    summary="On many images that stand the loss still rises when the attack ends.",
    meaning=(
        "An attack that is cut short shows how far it came, not how far one can come. More steps, or larger ones, may fool "
        "the image; the accuracy it leaves is an upper bound and no more."
    ),
    measured=(
        "Ordinary PGD is watched step by step on up to 100 correctly classified images. An image that stands counts where "
        "the best loss so far grew by more than 5 % of its whole rise over the second half of the steps."
    ),
    threshold="Fires when the 95 % interval of the share of all watched images that count lies above 10 %.",
    source="Pintor et al. 2022, indicator I4 (more than 0.05 of the scaled loss over the last steps).",
    remedy="Give the attack more --steps or a larger --step-size, and read the verified accuracy, which had both.",
    false_alarms="Losses of small size rise slowly and long without ever reaching a boundary; hence a note.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the images whose loss still rises."""
    seen = evidence.probes.climb
    if seen is None:
        return (Skip("convergence", evidence.probes.why_missing("climb")),)
    rising = share("images that stand while the loss rises", seen.rising, seen.images)
    if rising.low is None or rising.low <= TOLERATED:
        return ()
    message = (
        f"On {percent(rising.value)} of the images PGD's loss still rises after {seen.steps // 2} of its {seen.steps} steps "
        "and the image stands at the end: the attack was cut short."
    )
    numbers = (rising, share("images that stand", seen.standing, seen.images))
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers),)


CHECK = Check("convergence", (RULE,), no_trials, judge)
