"""GM112: the answers change under noise of half the radius ([P22], second indicator)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent, share

TOLERATED = 0.05

RULE = Rule(
    code="GM112",
    name="unstable-under-noise",
    severity=Severity.WARNING,
    summary="Small random noise changes the class of many images.",
    meaning=(
        "Where the answer jumps from point to point a single gradient tells nothing about the next step, and attacks wander. "
        "It is a sign of randomised or shattered networks such as k-winner-take-all, and robustness it is not."
    ),
    measured=(
        "Ten copies of up to 100 correctly classified images with uniform noise of half the radius; an image "
        "counts where one copy in ten or more is put into another class. The mean relative change of the loss is told as well."
    ),
    threshold="Fires when the 95 % interval of the share of such images lies above 5 %.",
    source="Pintor et al. 2022, indicator I2 (which averages the relative change of the loss and names no threshold).",
    remedy="Attack with gradients averaged over noisy copies (this audit does, see SP211), and quote the verified accuracy.",
    false_alarms="A model of low clean accuracy has many images near a boundary, which noise moves across it.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the share of images that noise moves."""
    seen = evidence.probes.noise
    if seen is None:
        return (Skip("noise", evidence.probes.why_missing("noise")),)
    moved = share("images that noise moves", seen.flipped, seen.images)
    if moved.low is None or moved.low <= TOLERATED:
        return ()
    message = (
        f"Noise of {seen.radius:.4f} of the range, half the radius, changes the class of "
        f"{percent(moved.value)} of the correctly classified images: single gradients mean little on this network."
    )
    numbers = (
        moved,
        Measurement("mean relative change of the loss", seen.loss_change, "", seen.images),
        Measurement("cosine of neighbouring gradients", seen.gradient_cosine, "", seen.images),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers),)


CHECK = Check("noise", (RULE,), no_trials, judge)
