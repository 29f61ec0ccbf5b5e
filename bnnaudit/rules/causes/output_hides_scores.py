"""SP212: what lies between the scores and the output hides differences of scores from attacks, and from the prediction."""

from bnnaudit.core.evidence import Agreement, Check
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity
from bnnaudit.core.scores import OutputScores
from bnnaudit.rules.comparison import percent, share

RULE = Rule(
    code="SP212",
    name="output-hides-scores",
    severity=Severity.NOTE,
    summary="The operators behind the scores saturate or round them, so an attack on the output has little to climb.",
    meaning=(
        "A softmax or sigmoid that saturates, a clip, a cast to half precision or a quantizer keeps the order of the classes "
        "and hides by how much they differ. Behind it no loss and no temperature finds a gradient, and the accuracy under attack "
        "looks too high. Where two scores come out equal, argmax returns the class with the lower index, whatever the network "
        "computed."
    ),
    measured=(
        "Among the tensors with as many entries as there are scores, the audit looks for the earliest whose largest entry is at "
        "the predicted class wherever the output has no tie: on clean images, random points of the ball and points next to the "
        "decision boundary found by bisection. Attacks use it; the output decides whether they succeed. The deployed model's "
        "scores are counted on the clean images: distinct values, values at an end of their range that others share, ties of the "
        "two largest."
    ),
    threshold="A note where attacks use such a tensor; a warning where the top two scores are tied on any clean image.",
    source="[Carlini & Wagner 2016] (defensive distillation); [Athalye et al. 2018] (shattered gradients).",
    remedy=(
        "Evaluate on the tensor that is named, as this audit does. Let the exported model end there, or give its last "
        "quantizer a scale at which the scores of an image differ."
    ),
    false_alarms="Such operators alone prove nothing: healthy networks have them as well. FR302 says whether they hid anything.",
)


def findings_from(facts: ModelFacts, seen: Agreement) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    output = seen.output
    if output is None or (facts.scores is None and output.tied == 0):
        return ()
    severity = Severity.WARNING if output.tied else Severity.NOTE
    message = f"{_used(facts)}{_hidden(facts, output)}"
    return (Finding(RULE, message, severity, Confidence.HIGH, _numbers(facts, output)),)


def _used(facts: ModelFacts) -> str:
    scores = facts.scores
    if scores is None:
        return ""
    what = f"the logarithm of `{scores.tensor}`" if scores.logarithm else f"`{scores.tensor}`"
    behind = f", and {' -> '.join(scores.tail)} after it hides differences" if scores.tail else ""
    return f"Attacks use {what}: {scores.why}{behind}. "


def _hidden(facts: ModelFacts, output: OutputScores) -> str:
    levels = facts.scores.levels if facts.scores is not None else None
    holds = f"The output can take {levels} distinct scores, and takes" if levels is not None else "The output takes"
    text = (
        f"{holds} {output.distinct} different ones on the clean images; {percent(output.at_ends / output.total)} of "
        f"them lie at an end of its range. The two largest are tied on {output.tied} of {output.images} images"
    )
    return f"{text}, where the class with the lower index wins." if output.tied else f"{text}."


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


CHECK = Check("score-tail", RULE, lambda evidence: findings_from(evidence.facts, evidence.agreement))
