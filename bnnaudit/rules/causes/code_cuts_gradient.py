"""SP214: the network's own code cuts the gradient off or replaces it ([Athalye et al. 2018]: obfuscated gradients)."""

from bnnaudit.core.evidence import Check
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity

RULE = Rule(
    code="SP214",
    name="code-cuts-gradient",
    severity=Severity.NOTE,
    summary="The network's code cuts the gradient off or replaces it: detach, no_grad, a backward pass of its own.",
    meaning=(
        "A tool that differentiates the module follows the gradient that its code returns. That gradient may be zero, or made "
        "for training and not for an attack; what such a tool finds then says little about the network."
    ),
    measured=(
        "The operators that the network runs are recorded below autograd, on random images. Whatever cuts the gradient off is "
        "counted and bypassed, and steps get this audit's surrogates. The scores of the copy are compared with those of the "
        "network."
    ),
    threshold="Fires when there is one such place; a warning where the code returns no gradient to the image at all.",
    source="[Athalye et al. 2018] (BPDA).",
    remedy="Do not quote attacks that differentiate the module as it is; attack a copy such as this audit's.",
    false_alarms="Straight-through estimators are written this way: a note on how the network was trained.",
)


def findings_from(facts: ModelFacts) -> tuple[Finding, ...]:
    """The finding for what is known of the network, if there is one."""
    seen = facts.gradients
    if not seen.cuts:
        return ()
    listing = ", ".join(f"{cut.count} x {cut.op}" for cut in seen.cuts)
    effect = (
        "and as written returns no gradient to the image: tools that differentiate it find it robust"
        if seen.dead_as_written
        else "so tools that differentiate it follow a gradient other than that of its steps"
    )
    message = (
        f"The code cuts the gradient off or replaces it ({listing}), {effect}. The audit attacks the operators it runs."
    )
    numbers = tuple(Measurement(f"{cut.op} places", cut.count) for cut in seen.cuts)
    severity = Severity.WARNING if seen.dead_as_written else RULE.severity
    return (Finding(RULE, message, severity, Confidence.HIGH, numbers),)


CHECK = Check("code-cuts-gradient", RULE, lambda evidence: findings_from(evidence.facts))
