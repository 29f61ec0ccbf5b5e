"""MF404: adversarial images of the differentiable copy that the deployed model classifies correctly."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.share_rule import lies_above, share_threshold

TOLERATED = 0.02
"""Share of the successes that may fail to replay. Not tuned."""

RULE = Rule(
    code="MF404",
    name="successes-do-not-replay",
    severity=Severity.WARNING,
    summary="A material share of the adversarial images fools the differentiable copy but not the deployed model.",
    meaning="Rounding decides on these images. They do not count as successes: the verified accuracy may be too high.",
    measured="Every image that fooled the differentiable copy in any attack is given to the deployed model.",
    threshold=share_threshold("the share that did not replay", TOLERATED),
    source="This tool's own requirement.",
    remedy="Give images in the model's own range (--input-range), so that pixels are exact; otherwise see MF401.",
    false_alarms="Networks with integer inputs and +-1 weights often have exact ties; the finding is then harmless.",
)


def judge(evidence: Evidence) -> Judged:
    """Counts over all trials."""
    replayed = sum(result.replayed for result in evidence.results.values())
    failed = sum(result.replay_disagreements for result in evidence.results.values())
    counted = share("share that did not replay", failed, replayed, "fraction of successes")
    if not lies_above(counted, TOLERATED):
        return ()
    message = (
        f"Of {replayed} adversarial images {failed} ({percent(counted.value)}) fooled the differentiable copy but not the "
        "deployed model; none of them is counted as a success."
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, (counted,)),)


CHECK = Check("replay", RULE, judge)
