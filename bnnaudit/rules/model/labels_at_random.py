"""MF416: many of the labels are unrelated to the model's scores."""

from bnnaudit.core.evidence import Check
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity
from bnnaudit.core.sample_fit import LabelFit, SampleFit
from bnnaudit.rules.comparison import in_percent, percent, share
from bnnaudit.rules.fitness import explanations, is_at_chance, judge_labels

MANY = 0.2
"""Share of the images that must be misclassified (lower end of the 95 % interval). Not tuned."""
ENOUGH = 20
"""Misclassified images with a clear rank. Not tuned."""
SPREAD = 0.29
"""Standard deviation of one rank drawn uniformly from 0..1."""
Z = 1.645
"""Standard deviations of a one-sided 95 % bound."""
RANDOM = (0.36, 0.65)
"""Limits of the mean rank, the lower one for its one-sided 95 % bound: above what networks without mixed-up labels have (the
figures are in the rule's false alarms)."""
INSEPARABLE = 0.64
"""Probability that a correct prediction has the wider margin than a wrong one: above it the margins show which labels are right.
Not tuned."""
LEAST_CLASSES = 4
"""Classes, at least: with fewer a rank says too little. Not tuned."""

RULE = Rule(
    code="MF416",
    name="labels-at-random",
    severity=Severity.ERROR,
    summary="Where label and prediction differ, the label ranks among the other classes as if drawn at random.",
    meaning=(
        "A model that errs still prefers the true class to most others, and errs less where its margin is wide, however "
        "overconfident it is. Here neither holds: where prediction and label differ, the scores are unrelated to the label. Some "
        "of the labels belong to other images."
    ),
    measured=(
        "Over misclassified images, how many of the classes that were not predicted score higher than the label, as a mean "
        "fraction (0.5 for random labels); and how well the margin between the top two logits separates correct predictions from "
        f"wrong ones (area under the ROC curve). Neither changes with a temperature. Needs at least {LEAST_CLASSES} classes and "
        f"{ENOUGH} misclassified images."
    ),
    threshold=(
        f"Fires when the 95 % interval of the share of misclassified images lies above {in_percent(MANY)}, that fraction has a "
        f"lower 95 % bound ({Z:g} standard errors below it, with a standard deviation of {SPREAD:g} per image) above "
        f"{RANDOM[0]:g} and is itself below {RANDOM[1]:g}, that area is below {INSEPARABLE:g}, and neither chance (MF412) nor "
        "another numbering or way to prepare the images (MF413, MF414) explains it."
    ),
    source="This tool's own requirement; the figures are measured.",
    remedy="Match images and labels again: files sorted in two different orders are the usual cause.",
    false_alarms=(
        "None in 960 samples of 40 or 120 images from healthy test networks. The mean fraction is 0.05 to 0.32 on "
        "networks with 26 to 97 % accuracy (these and CIFAR-10), and at most 0.40 with noise of standard deviation 0.8 on the "
        "images; with 30 to 100 % of the labels drawn at random it is 0.46 to 0.57. On 300 images, 30 % of such labels are "
        "detected in 85 to 95 of 100 cases and 60 % in 98 or more, on 120 images in 45 to 52 and 90 to 95; 10 % "
        "never, as label noise is common."
    ),
)


def findings_from(fit: SampleFit) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    seen = fit.labels
    if seen is None or not is_random(seen) or is_at_chance(seen) or any(explanations(fit)):
        return ()
    wrong = share("misclassified", seen.images - seen.right, seen.images)
    message = (
        f"On {percent(wrong.value)} of the images the model does not predict the label, which there ranks behind "
        f"{percent(seen.rank)} of the other classes, as a label drawn at random would (50 %); correct and wrong predictions have "
        "the same margins. Some of the labels belong to other images."
    )
    numbers = (
        wrong,
        Measurement("classes ranked before the label", seen.rank, "fraction", seen.ranked),
        Measurement("right answers told from wrong ones by margin (ROC area)", seen.separation, "", seen.images),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers),)


def is_random(seen: LabelFit) -> bool:
    """Whether the labels of many misclassified images are unrelated to the scores."""
    if seen.classes < LEAST_CLASSES or seen.ranked < ENOUGH:
        return False
    many = share("", seen.images - seen.right, seen.images).low
    low, high = RANDOM
    at_least = seen.rank - Z * SPREAD / seen.ranked**0.5
    return many is not None and many > MANY and low < at_least and seen.rank < high and seen.separation < INSEPARABLE


CHECK = Check("random-labels", RULE, lambda evidence: judge_labels("random-labels", evidence, findings_from))
