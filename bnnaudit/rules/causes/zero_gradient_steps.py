"""SP203: the network contains steps whose true gradient is zero ([Athalye et al. 2018]: shattered gradients)."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity

RULE = Rule(
    code="SP203",
    name="zero-gradient-steps",
    severity=Severity.NOTE,
    summary="The network has sign or rounding steps, whose true gradient is zero.",
    meaning=(
        "A step function is flat almost everywhere. A tool that differentiates the file as it is gets a zero gradient and "
        "reports the model as robust; every gradient attack depends on what replaces the derivative of the steps."
    ),
    measured="The steps are counted in the model file (sign, round, floor, ceil, and recognised patterns of operators).",
    threshold="Fires when there is at least one between the input and the logits.",
    source="[Athalye et al. 2018] (BPDA); [Bengio et al. 2013] (straight-through estimator).",
    remedy="Evaluate with several surrogates (as this audit does) and state in the report which one was used.",
    false_alarms="True of every network with quantized activations: a note on how to attack it, not a defect.",
)


def judge(evidence: Evidence) -> Judged:
    """Counts the steps."""
    counts = evidence.facts.nondifferentiable
    if not counts:
        return ()
    listing = ", ".join(f"{item.count} x {item.op}" for item in counts)
    message = (
        f"The model has steps without a gradient ({listing}). Tools that differentiate it as it is see a zero gradient; "
        "this audit attacks it with stated surrogates."
    )
    numbers = tuple(Measurement(f"{item.op} steps", item.count) for item in counts)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("zero-gradient-steps", RULE, judge)
