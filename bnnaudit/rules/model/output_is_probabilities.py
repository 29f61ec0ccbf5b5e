"""MF406: the deployed model returns probabilities (AutoAttack's flag)."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.facts import ModelFacts, OutputKind
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip

RULE = Rule(
    code="MF406",
    name="output-is-probabilities",
    severity=Severity.NOTE,
    summary="The deployed model ends in a softmax.",
    meaning=(
        "Other tools take what a model returns for logits. Given probabilities they apply a second softmax, whose error "
        "signal is nearly flat, and report too high an accuracy. The scores are also rounded: differences below 1e-7 are lost."
    ),
    measured="The kind of output that the file ends in, and whether all scores lie in [0, 1] and add up to 1 (to 1e-5).",
    threshold="Fires when either says so.",
    source="AutoAttack's flags (outputs that are already probabilities).",
    remedy="Export the logits, or tell every other tool to work on the softmax's input as this audit does.",
    false_alarms="None: a note on how to attack the model, not a fault of it.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the file and at the scores."""
    if evidence.facts.output is OutputKind.LOGITS and not evidence.agreement.probabilities:
        return ()
    how = _how(evidence.facts)
    message = f"The deployed model returns probabilities; {how}. Tools that take them for logits overrate the model."
    numbers = (Measurement("images whose scores add up to 1", evidence.agreement.images, "images"),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


def _how(facts: ModelFacts) -> str:
    if facts.scores is not None:
        climbed = f"`{facts.scores.tensor}`"
        return (
            f"here every attack works on {'the logarithm of ' if facts.scores.logarithm else ''}{climbed} (see SP212)"
        )
    stripped = facts.output is not OutputKind.LOGITS
    return "here every attack works on its input" if stripped else "it could not be taken off (see SP209)"


CHECK = Check("probabilities", (RULE,), no_trials, judge)
