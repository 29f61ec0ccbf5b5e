"""SP212: what lies between the scores and the output hides differences of scores from attacks, and from the decision."""

from __future__ import annotations

from bnnaudit.core.evidence import Agreement, Check, Evidence, no_trials
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.scores import OutputScores
from bnnaudit.rules.comparison import percent, share

RULE = Rule(
    code="SP212",
    name="output-hides-scores",
    severity=Severity.NOTE,
    summary="The operators behind the scores saturate or round them, so that an attack on the output has little to climb.",
    meaning=(
        "A softmax or a sigmoid that saturates, a clip, a cast to half precision or a quantizer keeps the order of the classes "
        "and hides by how much they differ. Behind it no loss and no temperature finds a gradient, and accuracy under attack "
        "looks too high. Where two scores come out equal, argmax takes the class of the lower number, whatever the network "
        "computed."
    ),
    measured=(
        "Among the tensors as large as a row of scores the earliest is sought whose largest entry is in the output's class "
        "wherever the output is not tied: on clean images, random points of the ball and points that bisection finds next to "
        "the decision boundary. Attacks climb it; the output judges. The deployed model's scores are counted on the clean "
        "images: different values, values at an end of their range that others share, ties of the two largest."
    ),
    threshold="A note where such a tensor is climbed; a warning where the two largest scores are tied on any clean image.",
    source="Carlini & Wagner 2016 (defensive distillation); Athalye, Carlini & Wagner 2018 (shattered gradients).",
    remedy=(
        "Evaluate on the tensor that is named, as this audit does. Let the exported model end there, or give its last "
        "quantizer a scale at which the scores of one image differ."
    ),
    false_alarms="The tail alone proves nothing: healthy networks end in it as well. FR302 tells whether it hid anything.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at the tensor that is climbed and at the output's scores."""
    return findings_from(evidence.facts, evidence.agreement)


def findings_from(facts: ModelFacts, seen: Agreement) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    output = seen.output
    if output is None or (facts.scores is None and output.tied == 0):
        return ()
    severity = Severity.WARNING if output.tied else Severity.NOTE
    message = f"{_climbed(facts)}{_hidden(facts, output)}"
    return (Finding(RULE, message, severity, Confidence.HIGH, _numbers(facts, output)),)


def _climbed(facts: ModelFacts) -> str:
    scores = facts.scores
    if scores is None:
        return ""
    what = f"the logarithm of `{scores.tensor}`" if scores.logarithm else f"`{scores.tensor}`"
    behind = f", and {' -> '.join(scores.tail)} behind it hides differences" if scores.tail else ""
    return f"Attacks climb {what}: {scores.why}{behind}. "


def _hidden(facts: ModelFacts, output: OutputScores) -> str:
    levels = facts.scores.levels if facts.scores is not None else None
    holds = f"The output can hold {levels} distinct scores, and" if levels is not None else "The output"
    text = (
        f"{holds} holds {output.distinct} different ones on the clean images; {percent(output.at_ends / output.total)} of "
        f"them lie at an end of its range. The two largest are tied on {output.tied} of {output.images} images"
    )
    return f"{text}, where the class of the lower number wins." if output.tied else f"{text}."


def _numbers(facts: ModelFacts, output: OutputScores) -> tuple[Measurement, ...]:
    numbers = [
        share("images with a tie at the top", output.tied, output.images),
        share("scores at an end of the range", output.at_ends, output.total, "fraction of scores"),
        Measurement("different scores", output.distinct, "values", output.total),
    ]
    if facts.scores is not None:
        numbers.append(Measurement("images on which the order was compared", facts.scores.points, "images"))
        if facts.scores.levels is not None:
            numbers.append(Measurement("distinct scores that the output can hold", facts.scores.levels, "values"))
    return tuple(numbers)


CHECK = Check("score-tail", (RULE,), no_trials, judge)
