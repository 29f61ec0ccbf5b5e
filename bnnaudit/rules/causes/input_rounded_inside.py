"""SP210: the network rounds its input (AutoAttack's flags; [G22] aside)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip

RULE = Rule(
    code="SP210",
    name="input-rounded-inside",
    severity=Severity.WARNING,
    summary="The network rounds its input to a grid, so that small changes of a pixel do nothing at all.",
    meaning=(
        "Inside a step of the grid the network is constant and its gradient zero; between steps it jumps. An attack that "
        "does not know the grid spends its radius on changes that are rounded away. Rounding is no defence: the corners of "
        "the grid inside the radius are open to anyone."
    ),
    measured=(
        "Whether a step of the network acts on each input value by itself (one pixel is changed and exactly one output of "
        "the step may follow); for a network without known steps, whether the logits of all probed images stay the same to "
        "the bit under noise of 1e-4 of the range."
    ),
    threshold="Fires when either is the case.",
    source="AutoAttack's documentation of rounding (most attacks break); Athalye, Carlini & Wagner 2018 (discretisation).",
    remedy="Pass the rounding straight through (this audit does where it knows the step), or search the grid's points.",
    false_alarms=(
        "Networks made for 8-bit images round to the pixels they get; such a grid costs an attacker nothing. It is a cause "
        "only beside a symptom."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Reports what the probe saw."""
    seen = evidence.probes.gradient
    if seen is None:
        return (Skip("input-rounding", evidence.probes.why_missing("gradient")),)
    if not seen.rounded_input:
        return ()
    message = (
        "The network rounds its input before anything else: changes of a pixel within a step of that grid do nothing, and "
        "the true gradient is zero. Tools that convert the model as it stands fail for that reason alone."
    )
    numbers = (Measurement("images probed", seen.images, "images"),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("input-rounding", (RULE,), no_trials, judge)
