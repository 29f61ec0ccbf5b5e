"""GM116: the attack leaves the image as it was."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent, share

TOLERATED = 0.05

RULE = Rule(
    code="GM116",
    name="adversarial-equals-original",
    severity=Severity.WARNING,
    summary="Without a random start the attack returns many images unchanged.",
    meaning=(
        "An adversarial image that equals the original was never attacked. Tools start at the original by default, and count "
        "such an image as one that withstood."
    ),
    measured=(
        "One step of ordinary PGD from up to 100 correctly classified images themselves; an image counts where no pixel "
        "moved. Further steps would repeat the first."
    ),
    threshold="Fires when the 95 % interval of the share of unmoved images lies above 5 %.",
    source="A symptom reported by users of the peers (an adversarial image equal to its original); Pintor et al. 2022, I1.",
    remedy="The gradient is zero: see SP201 (saturation), SP205 (a layer that blocks it), and attack with the cure.",
    false_alarms="None known.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the images that did not move."""
    seen = evidence.probes.gradient
    if seen is None:
        return (Skip("unmoved", evidence.probes.why_missing("gradient")),)
    unmoved = share("images that a step leaves as they are", seen.unmoved, seen.images)
    if unmoved.low is None or unmoved.low <= TOLERATED:
        return ()
    message = (
        f"A step of PGD from the image itself leaves {percent(unmoved.value)} of the images exactly as they are: tools "
        "without a random start return them unchanged and count them as robust."
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, (unmoved,)),)


CHECK = Check("unmoved", (RULE,), no_trials, judge)
