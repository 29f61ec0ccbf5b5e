"""MF406: the deployed model returns probabilities ([AutoAttack flags])."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.facts import ModelFacts, OutputKind
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity
from bnnaudit.core.scores import PROBABILITY_TOLERANCE

RULE = Rule(
    code="MF406",
    name="output-is-probabilities",
    severity=Severity.NOTE,
    summary="The deployed model ends in a softmax.",
    meaning=(
        "Other tools take the output of a model for logits. Given probabilities they apply a second softmax, whose error "
        "signal is nearly constant, and report too high an accuracy. The scores are also rounded: differences below 1e-7 are "
        "lost."
    ),
    measured=(
        "The output that the file declares, and whether all scores lie in [0, 1] and add up to 1 (within "
        f"{PROBABILITY_TOLERANCE:g})."
    ),
    threshold="Fires when either is the case.",
    source="[AutoAttack flags] (outputs that are already probabilities).",
    remedy="Export the logits, or make other tools work on the input of the softmax, as this audit does.",
    false_alarms="None: a note on how to attack the model, not a defect.",
)


def judge(evidence: Evidence) -> Judged:
    """Looks at the file and at the scores."""
    if evidence.facts.output is OutputKind.LOGITS and not evidence.agreement.probabilities:
        return ()
    how = _how(evidence.facts)
    message = f"The deployed model returns probabilities; {how}. Tools that take them for logits overrate the model."
    numbers = (Measurement("images whose scores add up to 1", evidence.agreement.images, "images"),)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


def _how(facts: ModelFacts) -> str:
    if facts.scores is not None:
        logarithm = "the logarithm of " if facts.scores.logarithm else ""
        return f"this audit attacks {logarithm}`{facts.scores.tensor}` (see SP212)"
    removed = facts.output is not OutputKind.LOGITS
    return "this audit attacks the input of the softmax" if removed else "the softmax could not be removed (see SP209)"


CHECK = Check("probabilities", RULE, judge)
