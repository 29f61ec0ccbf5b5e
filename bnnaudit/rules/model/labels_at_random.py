"""MF416: a good part of the labels have nothing to do with the model's scores."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity
from bnnaudit.core.fit import LabelFit, SampleFit
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.fitness import better_feeding, better_numbering, is_at_chance

MANY = 0.2
"""Of the images: how many must be misclassified for certain (lower end of the 95 % interval)."""
ENOUGH = 20
"""Misclassified images with a clear rank."""
SPREAD = 0.29
"""Standard deviation of one rank drawn evenly from 0..1."""
Z = 1.645
RANDOM = (0.36, 0.65)
"""What the mean rank must be above for certain (one-sided 95 %), and below."""
INSEPARABLE = 0.64
"""Probability that a right answer has the wider margin, above which the margins know which labels are right."""

RULE = Rule(
    code="MF416",
    name="labels-at-random",
    severity=Severity.ERROR,
    summary="Labels that the model does not answer rank among its other classes as if they had been drawn at random.",
    meaning=(
        "A model that errs still prefers the true class to most others, and errs less where its margin is wide, however "
        "overconfident it is. Here neither holds: where answer and label differ, the scores know nothing of the label. A "
        "part of the labels belongs to other images."
    ),
    measured=(
        "Over misclassified images, how many of the classes that were not answered score higher than the label, as a mean "
        "fraction (0.5 for labels at random); and how well margins between the top two logits tell right answers from wrong "
        "ones (area under the ROC curve). Neither changes with a temperature. At least four classes are needed."
    ),
    threshold=(
        "Fires where more than 20 % of the images are misclassified for certain, that fraction is above 0.36 for certain "
        "and below 0.65, that area is below 0.64, and neither chance (MF412) nor another numbering or way to feed the images "
        "(MF413, MF414) explains it."
    ),
    source="This tool's own requirement; the figures are measured.",
    remedy="Pair images and labels anew: files sorted in two different orders are the usual cause.",
    false_alarms=(
        "None in 960 samples of 40 or 120 images from the bank's healthy networks. The mean fraction is 0.05 to 0.32 on "
        "networks with 26 to 97 % accuracy (bank, CIFAR-10), and 0.40 at most with noise of deviation 0.8 on the images; with "
        "30 to 100 % of the labels drawn at random it is 0.46 to 0.57. On 300 images 30 % of such labels are found in 85 to 95 "
        "of 100 cases and 60 % in 98 or more, on 120 images in 45 to 52 and 90 to 95; 10 % never, as noisy labels are common."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    """Looks at what the scores know of the labels."""
    return () if evidence.probes.fit is None else findings_from(evidence.probes.fit)


def findings_from(fit: SampleFit) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    seen = fit.labels
    if seen is None or not is_random(seen) or is_at_chance(seen) or better_numbering(fit) or better_feeding(fit):
        return ()
    wrong = share("misclassified", seen.images - seen.right, seen.images)
    message = (
        f"Of {percent(wrong.value)} of the images the label is not the model's answer, and there it ranks behind "
        f"{percent(seen.rank)} of the other classes, as a label drawn at random would (50 %); right and wrong answers have "
        "the same margins. A part of the labels belongs to other images."
    )
    numbers = (
        wrong,
        Measurement("classes ranked before the label", seen.rank, "fraction", seen.ranked),
        Measurement("right answers told from wrong ones by margin (ROC area)", seen.separation, "", seen.images),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers),)


def is_random(seen: LabelFit) -> bool:
    """Whether the labels of many misclassified images are unrelated to the scores."""
    if seen.classes < 4 or seen.ranked < ENOUGH:
        return False
    many = share("", seen.images - seen.right, seen.images).low
    low, high = RANDOM
    at_least = seen.rank - Z * SPREAD / seen.ranked**0.5
    return many is not None and many > MANY and low < at_least and seen.rank < high and seen.separation < INSEPARABLE


CHECK = Check("random-labels", (RULE,), no_trials, judge)
