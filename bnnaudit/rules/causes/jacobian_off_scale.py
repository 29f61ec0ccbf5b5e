"""SP202: the Jacobian's singular values are far from one ([Gupta & Ajanthan 2022], section 4.1)."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.comparison import in_percent

MOSTLY = 0.5
"""Share of images with a blocked gradient above which the Jacobian's size means nothing. Not tuned."""
LEAST, MOST = 1e-2, 1e2
"""Mean singular value: two orders of magnitude around one. Not tuned."""

RULE = Rule(
    code="SP202",
    name="jacobian-off-scale",
    severity=Severity.NOTE,
    summary="The singular values of the input-output Jacobian are far from one.",
    meaning=(
        "The network stretches or shrinks a small change of its input by orders of magnitude on the way to the logits. "
        "Stretched, the logits saturate the softmax; shrunk, the gradient vanishes. Either weakens gradient attacks."
    ),
    measured=(
        "Mean of the singular values of J = d logits / d input, in the network's own input space, over up to 100 correctly "
        "classified images, with straight-through gradients. Its inverse is the NJS temperature."
    ),
    threshold=(
        f"Fires when the mean is above {MOST:g} or below {LEAST:g}. Skipped where the gradient is blocked (SP205) on more than "
        f"{in_percent(MOSTLY)} of the images."
    ),
    source="[Gupta & Ajanthan 2022], section 4.1 and Table 13; [Saxe et al. 2014] (dynamical isometry).",
    remedy="Evaluate with --beta njs or --beta hns; in training, scale the logits of a network whose last layer is binary.",
    false_alarms="Inputs in 0..255 alone make the Jacobian small: it is a cause only beside a symptom.",
)


def judge(evidence: Evidence) -> Judged:
    """Looks at the mean singular value."""
    if evidence.signal is None:
        return (Skip("jacobian-scale", "signal propagation was not measured"),)
    row, seen = evidence.signal.original, evidence.probes.gradient
    if seen is not None and seen.blocked_share > MOSTLY:
        return (Skip("jacobian-scale", "no gradient passes through the network (SP205), so its size is not known"),)
    if row.n == 0 or LEAST <= row.jsv_mean <= MOST:
        return ()
    direction = "stretches" if row.jsv_mean > MOST else "shrinks"
    message = (
        f"The network {direction} a small change of its input by a factor of {row.jsv_mean:.3g} on the way to its logits (mean "
        f"singular value of the Jacobian; 1 would be neutral), so a loss at temperature 1 is badly scaled."
    )
    numbers = (
        Measurement("mean singular value", row.jsv_mean, "", row.n),
        Measurement("standard deviation of singular values", row.jsv_std, "", row.n),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers),)


CHECK = Check("jacobian-scale", RULE, judge)
