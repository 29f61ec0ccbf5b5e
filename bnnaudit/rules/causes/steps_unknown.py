"""SP215: which steps without a gradient the network has is not known ([A18]: obfuscated gradients)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip

RULE = Rule(
    code="SP215",
    name="steps-unknown",
    severity=Severity.WARNING,
    summary="The audit cannot see all steps of the network, so its gradient may be missing where it matters.",
    meaning=(
        "A sign or a rounding that is not seen gets no surrogate: attacks that follow the gradient stop there, and leave more "
        "images than there are to leave."
    ),
    measured=(
        "The operators that the network runs are recorded. Where that fails (its way depends on the numbers in the image, it "
        "leaves PyTorch) the values of its modules are looked at for stairs; calls of sign, round and the like are caught."
    ),
    threshold="Fires when the operators could not be recorded, or when the gradient ends at one that is not understood.",
    source="Athalye, Carlini & Wagner 2018 (BPDA).",
    remedy=(
        "Write the forward pass in PyTorch without branches on values, or export the network to ONNX, and audit that; until "
        "then trust attacks on scores alone."
    ),
    false_alarms="A network with branches on its values may have no step at all; then its gradient is right as it is.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Asks whether all steps are known."""
    return findings_from(evidence.facts)


def findings_from(facts: ModelFacts) -> tuple[Finding, ...]:
    """The finding for what is known of the network, if there is one."""
    seen = facts.gradients
    if seen.complete:
        return ()
    what = (
        f"The gradient ends at operators that are not understood ({', '.join(seen.unseen)})."
        if seen.unseen
        else f"The network's operators could not be recorded ({seen.why})."
    )
    effect = (
        "No gradient comes back to the image: only attacks on scores can judge this model."
        if seen.dead
        else "Attacks that follow the gradient may stop at steps that nobody saw."
    )
    numbers = (Measurement("steps found", len(facts.quantizers)),)
    return (Finding(RULE, f"{what} {effect}", RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("unknown-steps", (RULE,), no_trials, judge)
