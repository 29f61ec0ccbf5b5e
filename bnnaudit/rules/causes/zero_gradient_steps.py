"""SP203: the network contains steps whose true gradient is zero ([A18]: shattered gradients)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip

RULE = Rule(
    code="SP203",
    name="zero-gradient-steps",
    severity=Severity.NOTE,
    summary="The network has sign or rounding steps, through which no true gradient passes.",
    meaning=(
        "A step function is flat almost everywhere. A tool that differentiates the file as it stands gets a zero gradient "
        "and reports the model as robust; every gradient attack depends on what is put in the steps' place."
    ),
    measured="The steps are counted in the model file (sign, round, floor, ceil, recognised patterns of them).",
    threshold="Fires when there is at least one between the input and the logits.",
    source="Athalye, Carlini & Wagner 2018 (BPDA); Bengio et al. 2013 (straight-through estimator).",
    remedy="Evaluate with several surrogates (this audit does) and state in the report which one was used.",
    false_alarms="True of every network with quantized activations: a note on how to attack it, not a fault of the model.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Counts the steps."""
    counts = evidence.facts.nondifferentiable
    if not counts:
        return ()
    listing = ", ".join(f"{item.count} x {item.op}" for item in counts)
    message = (
        f"The model has steps without a gradient ({listing}). Tools that convert it as it stands see a zero gradient; "
        "here every attack goes through them with a stated surrogate."
    )
    numbers = tuple(Measurement(f"{item.op} steps", item.count) for item in counts)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("zero-gradient-steps", (RULE,), no_trials, judge)
