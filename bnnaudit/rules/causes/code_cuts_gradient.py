"""SP214: the network's own code cuts the gradient off, or puts another one in its place ([A18]: obfuscated gradients)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip

RULE = Rule(
    code="SP214",
    name="code-cuts-gradient",
    severity=Severity.NOTE,
    summary="The network's code cuts the gradient off or replaces it: detach, no_grad, a backward pass of its own.",
    meaning=(
        "A tool that differentiates the module follows the gradient that its code hands back. That one may be zero, or serve "
        "training and not an attack; what such a tool finds then says little about the network."
    ),
    measured=(
        "The operators that the network runs are recorded below autograd, on random images. Whatever cuts a gradient off on "
        "the way is counted and passed over, and steps get this audit's surrogates. The scores of the copy are held against "
        "those of the network."
    ),
    threshold="Fires when there is one such place; a warning where the code hands no gradient at all back to the image.",
    source="Athalye, Carlini & Wagner 2018 (BPDA).",
    remedy="Do not quote attacks that differentiate the module as it is; attack a copy such as this audit's.",
    false_alarms=(
        "A straight-through estimator is written by detach or by a backward pass of its own: a note on how the network was "
        "trained, not a fault of it."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Counts the places."""
    return findings_from(evidence.facts)


def findings_from(facts: ModelFacts) -> tuple[Finding, ...]:
    """The finding for what is known of the network, if there is one."""
    seen = facts.gradients
    if not seen.cuts:
        return ()
    listing = ", ".join(f"{cut.count} x {cut.op}" for cut in seen.cuts)
    effect = (
        "and as it is written hands no gradient back to the image: tools that differentiate it find it robust"
        if seen.dead_as_written
        else "so that tools that differentiate it follow another gradient than that of its steps"
    )
    message = (
        f"The code cuts the gradient off or replaces it ({listing}), {effect}. Here the operators it runs are attacked."
    )
    numbers = tuple(Measurement(f"{cut.op} places", cut.count) for cut in seen.cuts)
    severity = Severity.WARNING if seen.dead_as_written else RULE.severity
    return (Finding(RULE, message, severity, Confidence.HIGH, numbers),)


CHECK = Check("code-cuts-gradient", (RULE,), no_trials, judge)
