"""MF413: the labels fit far better when their classes are numbered otherwise."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity
from bnnaudit.core.fit import Alternative, SampleFit
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.fitness import better_numbering

RULE = Rule(
    code="MF413",
    name="labels-numbered-otherwise",
    severity=Severity.ERROR,
    summary="The model's answers fit the labels far better when the classes are numbered otherwise.",
    meaning=(
        "The labels start at 1, or count another background class, or list the classes in another order than the model's "
        "training did. Images that are classified correctly then count as wrong and are never attacked, and those that are "
        "attacked are the few on which both agree by accident."
    ),
    measured=(
        "Agreement of the deployed model with the labels as they are, less 1, plus 1, and with the order of classes that fits "
        "best, found on one half of the sample and judged on the other."
    ),
    threshold=(
        "Fires where another numbering puts at least 10 points more of the images right and McNemar's exact p-value, times "
        "the numberings tried, is below 0.01, unless another way to feed the images explains more (MF414)."
    ),
    source="This tool's own requirement; McNemar 1947.",
    remedy="Number the labels as the model's training did; the message says which numbering fits.",
    false_alarms=(
        "None in 960 samples of 40 or 120 images from the bank's healthy networks; on networks with 26 to 55 % on CIFAR-10 no "
        "other numbering fits better by more than 4 of 120 images."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding, ...]:
    """Holds the best other numbering against the given one."""
    return () if evidence.probes.fit is None else findings_from(evidence.probes.fit)


def findings_from(fit: SampleFit) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    seen = fit.labels
    best = better_numbering(fit)
    if seen is None or best is None:
        return ()
    message = (
        f"It seems that {best.what}: {percent(seen.right / seen.images)} of {seen.images} images are classified as they are "
        f"labelled, {percent(best.right / seen.images)} if so. {best.remedy.capitalize()}."
    )
    numbers = (share("clean accuracy", seen.right, seen.images), *_measured(best, seen.images))
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


def _measured(best: Alternative, images: int) -> tuple[Measurement, ...]:
    return (
        share("clean accuracy, numbered otherwise", best.right, images),
        Measurement("right only if numbered otherwise", best.gained, "images", images),
        Measurement("right only as labelled", best.lost, "images", images),
    )


CHECK = Check("label-order", (RULE,), no_trials, judge)
