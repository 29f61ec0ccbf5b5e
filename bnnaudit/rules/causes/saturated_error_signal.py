"""SP201: a saturated softmax leaves no error signal ([Gupta & Ajanthan 2022], section 3)."""

from dataclasses import replace

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.share_rule import TOLERATED, lies_above, share_threshold

RULE = Rule(
    code="SP201",
    name="saturated-error-signal",
    severity=Severity.WARNING,
    summary="On many images the gradient of the loss is exactly zero or denormal: the softmax is saturated.",
    meaning=(
        "The logits differ by so much that the softmax rounds to one for the predicted class. The error signal p - y, and "
        "with it the whole input gradient, is zero, so a gradient attack does not move. The image is not harder to attack; "
        "only the loss gives no direction."
    ),
    measured=(
        "On up to 100 correctly classified images the input gradient of the cross-entropy is computed in float32 with "
        "straight-through gradients, for the network as it is and with the NJS and HNS temperatures."
    ),
    threshold=share_threshold("the share of images whose gradient is zero or denormal everywhere"),
    source="[Gupta & Ajanthan 2022], sections 3 and 4, Table 13.",
    remedy=(
        "Evaluate with a temperature (--beta hns) or a loss that ignores the scale of the logits (--loss dlr). In training, "
        "scale the logits (a trainable or fixed factor after the last binary layer), so that ordinary tools give meaningful "
        "figures."
    ),
    false_alarms="A float network trained to very high confidence shows it as well; plain PGD is weakened there, too.",
)


def judge(evidence: Evidence) -> Judged:
    """Looks at the share of dead gradients without a temperature."""
    if evidence.signal is None:
        return (Skip("error-signal", "signal propagation was not measured"),)
    row, seen = evidence.signal.original, evidence.probes.gradient
    # Saturation is not the reason where a layer blocks the gradient whatever the loss.
    dead = max(0.0, row.zero_gradient_fraction - (seen.blocked_share if seen is not None else 0.0))
    counted = replace(share("images with a dead gradient", round(dead * row.n), row.n), value=dead)
    if not lies_above(counted, TOLERATED):
        return ()
    message = (
        f"On {percent(dead)} of the images the input gradient is zero or denormal, because the logits saturate the softmax. "
        "Gradient attacks without a temperature do not move there and report the image as robust."
    )
    numbers = (
        counted,
        Measurement("mean ||psi|| at b = 1", row.psi_norm, "", row.n),
        Measurement("mean ||psi|| with HNS", evidence.signal.hns.psi_norm, "", row.n),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("error-signal", RULE, judge)
