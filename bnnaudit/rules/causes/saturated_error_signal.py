"""SP201: the error signal dies in a saturated softmax ([G22], section 3)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.numerics.intervals import wilson_interval
from bnnaudit.rules.comparison import percent

HARMLESS = 0.05

RULE = Rule(
    code="SP201",
    name="saturated-error-signal",
    severity=Severity.WARNING,
    summary="On many images the gradient of the loss is exactly zero or denormal: the softmax is saturated.",
    meaning=(
        "The logits differ by so much that the softmax rounds to one for the predicted class. The error signal p - y, and "
        "with it the whole input gradient, is zero: a gradient attack does not move. The image is not harder to attack; "
        "the loss only gives no sign."
    ),
    measured=(
        "For up to 100 correctly classified images the input gradient of the cross-entropy is taken in float32 with "
        "straight-through gradients, for the network as it is and with the NJS and HNS temperatures."
    ),
    threshold=(
        "Fires when the 95 % interval of the share of images whose gradient is zero or denormal everywhere lies above 5 %."
    ),
    source="Gupta & Ajanthan 2022, sections 3 and 4, Table 13.",
    remedy=(
        "Evaluate with a temperature (--beta) or a loss that ignores the logits' scale. When training, scale the logits "
        "(a trainable or fixed factor after the last binary layer) so that figures from ordinary tools mean something."
    ),
    false_alarms="A float network trained to very high confidence shows it as well; there, too, plain PGD is weakened.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the share of dead gradients without a temperature."""
    if evidence.signal is None:
        return (Skip("error-signal", "signal propagation was not measured"),)
    row, seen = evidence.signal.original, evidence.probes.gradient
    # Where a layer stops the gradient whatever the loss, saturation is not to blame.
    dead = max(0.0, row.zero_gradient_fraction - (seen.blocked_share if seen is not None else 0.0))
    low, high = wilson_interval(round(dead * row.n), row.n)
    if low <= HARMLESS:
        return ()
    message = (
        f"On {percent(dead)} of the images the input gradient is zero or denormal, because the logits "
        "saturate the softmax. Gradient attacks without a temperature do not move there and report the image as robust."
    )
    numbers = (
        Measurement("images with a dead gradient", dead, "fraction of images", row.n, low, high),
        Measurement("mean ||psi|| at b = 1", row.psi_norm, "", row.n),
        Measurement("mean ||psi|| with HNS", evidence.signal.hns.psi_norm, "", row.n),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("error-signal", (RULE,), no_trials, judge)
