"""SP215: which steps without a gradient the network has is not known ([Athalye et al. 2018]: obfuscated gradients)."""

from bnnaudit.core.evidence import Check
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity

RULE = Rule(
    code="SP215",
    name="steps-unknown",
    severity=Severity.WARNING,
    summary="The audit cannot see all steps of the network, so the gradient may be missing where it matters.",
    meaning="A step that the audit does not see gets no surrogate: gradient attacks stop there and overrate the model.",
    measured=(
        "The operators that the network runs are recorded. Where that fails (the control flow depends on the values of the "
        "image, or the code leaves PyTorch), the outputs of its modules are searched for step functions; calls of sign, round "
        "and the like are intercepted."
    ),
    threshold="Fires when the operators could not be recorded, or when the gradient ends at an operator that is not supported.",
    source="[Athalye et al. 2018] (BPDA).",
    remedy=(
        "Write the forward pass in PyTorch without branches on values, or export the network to ONNX, and audit that; until "
        "then rely on attacks on scores alone (--method square)."
    ),
    false_alarms="A network with branches on its values may have no step at all; then its gradient is right as it is.",
)


def findings_from(facts: ModelFacts) -> tuple[Finding, ...]:
    """The finding for what is known of the network, if there is one."""
    seen = facts.gradients
    if seen.complete:
        return ()
    what = (
        f"The gradient ends at operators that are not supported ({', '.join(seen.unseen)})."
        if seen.unseen
        else f"The network's operators could not be recorded ({seen.why})."
    )
    effect = (
        "No gradient reaches the image: only attacks on scores can judge this model."
        if seen.dead
        else "Attacks that follow the gradient may stop at steps that the audit does not see."
    )
    numbers = (Measurement("steps found", len(facts.quantizers)),)
    return (Finding(RULE, f"{what} {effect}", RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("unknown-steps", RULE, lambda evidence: findings_from(evidence.facts))
