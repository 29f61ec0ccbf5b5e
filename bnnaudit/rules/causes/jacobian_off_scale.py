"""SP202: the Jacobian's singular values are far from one ([G22], section 4.1)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip

MOSTLY = 0.5
LEAST, MOST = 1e-2, 1e2

RULE = Rule(
    code="SP202",
    name="jacobian-off-scale",
    severity=Severity.NOTE,
    summary="The singular values of the input-output Jacobian are far from one.",
    meaning=(
        "The network stretches a small change of its input by orders of magnitude on the way to the logits (or shrinks "
        "it). Stretched, the logits saturate the softmax; shrunk, the gradient vanishes. Either starves gradient attacks."
    ),
    measured=(
        "Mean of the singular values of J = d logits / d input, in the network's own input space, over up to 100 correctly "
        "classified images, straight-through gradients. Its inverse is the NJS temperature."
    ),
    threshold="Fires when the mean is above 100 or below 0.01.",
    source="Gupta & Ajanthan 2022, section 4.1 and Table 13; Saxe et al. 2014 (dynamical isometry).",
    remedy="Evaluate with --beta njs or hns; when training, scale the logits of a network whose last layer is binary.",
    false_alarms=(
        "The scale alone proves nothing: a network that takes pixels 0..255 has a small Jacobian by its units. "
        "It is a cause only beside a symptom."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the mean singular value."""
    if evidence.signal is None:
        return (Skip("jacobian-scale", "signal propagation was not measured"),)
    row, seen = evidence.signal.original, evidence.probes.gradient
    if seen is not None and seen.blocked_share > MOSTLY:
        return (Skip("jacobian-scale", "no gradient passes through the network (SP205), so none of its size is known"),)
    if row.n == 0 or LEAST <= row.jsv_mean <= MOST:
        return ()
    direction = "stretches" if row.jsv_mean > MOST else "shrinks"
    message = (
        f"The network {direction} a small input change by a factor of {row.jsv_mean:.3g} on the way to its logits (mean "
        f"singular value of the Jacobian; 1 would be neutral), so a loss at temperature 1 is badly scaled."
    )
    numbers = (
        Measurement("mean singular value", row.jsv_mean, "", row.n),
        Measurement("standard deviation of singular values", row.jsv_std, "", row.n),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers),)


CHECK = Check("jacobian-scale", (RULE,), no_trials, judge)
