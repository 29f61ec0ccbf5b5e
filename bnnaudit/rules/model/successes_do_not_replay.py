"""MF404: adversarial images of the differentiable copy that the deployed model classifies correctly."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.numerics.intervals import wilson_interval
from bnnaudit.rules.comparison import percent

TOLERATED = 0.02

RULE = Rule(
    code="MF404",
    name="successes-do-not-replay",
    severity=Severity.WARNING,
    summary="A material share of the adversarial images fools the differentiable copy but not the deployed model.",
    meaning=(
        "These images lie so close to a threshold that rounding decides. They are not counted as successes, so the "
        "verified accuracy may come out too high by at most their share."
    ),
    measured="Every image that fooled the differentiable copy is put to the deployed model, over all attacks of the audit.",
    threshold="Fires when the 95 % interval of the share that did not replay lies above 2 %.",
    source="This tool's own requirement; the counterexamples of the verification competition VNN-COMP show the effect.",
    remedy="Feed the model in its own range (--input-range), so that pixels are exact; otherwise see MF401.",
    false_alarms="Networks with integer inputs and +-1 weights meet exact ties often; the count is then honest and harmless.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Counts over all trials."""
    replayed = sum(result.replayed for result in evidence.results.values())
    failed = sum(result.replay_disagreements for result in evidence.results.values())
    low, high = wilson_interval(failed, replayed)
    if replayed == 0 or low <= TOLERATED:
        return ()
    message = (
        f"Of {replayed} adversarial images {failed} ({percent(failed / replayed)}) fooled the differentiable copy but not "
        "the deployed model; none of them is counted as a success."
    )
    numbers = (
        Measurement("share that did not replay", failed / replayed, "fraction of successes", replayed, low, high),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("replay", (RULE,), no_trials, judge)
