"""SP208: the logits are scaled so that the loss at temperature 1 is blind (defensive distillation, [C19])."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip

LARGE, SMALL = 16.6, 1e-3

RULE = Rule(
    code="SP208",
    name="logit-scale",
    severity=Severity.WARNING,
    summary="The gap between the two largest logits is so wide that float32 rounds the softmax to one.",
    meaning=(
        "A factor on the logits changes no decision, but it decides what the cross-entropy sees. A gap of this size makes "
        "the true class's error signal exactly zero in float32; a gap near zero makes every class look alike. Binary last "
        "layers, distillation at a high temperature and a factor put there on purpose all end here."
    ),
    measured="Median of the largest logit minus the second over up to 100 correctly classified images.",
    threshold="Fires when the median is above 16.6 (2^-24, the rounding of 1 in float32, is e^-16.6) or below 0.001.",
    source="Carlini & Wagner 2016 (defensive distillation); Gupta & Ajanthan 2022, section 3.",
    remedy="Evaluate with a temperature (--beta hns or tracked); in training or export divide the logits by the median gap.",
    false_alarms="The scale alone proves nothing; FR301 tells whether it hides anything.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the median gap."""
    seen = evidence.probes.gradient
    if seen is None:
        return (Skip("logit-scale", evidence.probes.why_missing("gradient")),)
    if SMALL <= seen.logit_gap <= LARGE or seen.probabilities:
        return ()
    effect = "the softmax rounds to one" if seen.logit_gap > LARGE else "the softmax cannot tell classes apart"
    message = (
        f"The largest logit exceeds the second by {seen.logit_gap:.3g} on the median image, so that {effect}: the "
        "cross-entropy at temperature 1 gives an attack next to no signal."
    )
    numbers = (Measurement("median gap of the two largest logits", seen.logit_gap, "", seen.images),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("logit-scale", (RULE,), no_trials, judge)
