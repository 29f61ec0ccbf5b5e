"""MF412: the model is right no more often than by chance."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.fit import SampleFit
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.fitness import is_at_chance

WELL = 0.25
"""Of the way from chance to 100 %: a model that gets there is none that guesses, and 24 to 58 % are what honest small networks
reach on CIFAR-10. Not tuned."""

RULE = Rule(
    code="MF412",
    name="clean-accuracy-at-chance",
    severity=Severity.ERROR,
    summary="The model classifies clean images no better than by chance.",
    meaning=(
        "Its answers have nothing to do with the labels. Either it is fed otherwise than it was trained (range, mean and std, "
        "layout, order of colours), or the labels mean something else, or the file is broken. What attacks do to such a "
        "model says nothing about its robustness."
    ),
    measured=(
        "Accuracy of the deployed model on the clean sample, beside the agreement to be expected if the labels were dealt to "
        "the images at random, answers and labels each as frequent as they are (as in Cohen's kappa). A model that always "
        "answers the commonest class is right by chance however common that is."
    ),
    threshold=(
        "Fires where fewer images agree than 1.96 standard deviations above that expectation; where fewer than ten images "
        "are not of the commonest label, where the accuracy's 95 % interval reaches down to 1 / number of classes. Where the "
        "interval reaches a quarter of the way from chance to 100 %, the images are too few to tell, and confidence is low."
    ),
    source="Cohen 1960 (agreement by chance); this tool's own requirement.",
    remedy=(
        "Check --input-range, --mean/--std, --layout, --channels and the labels: MF413 and MF414 name those that fit, where "
        "one does. With few images audit more."
    ),
    false_alarms=(
        "None in 960 samples of 40 or 120 images from the bank's healthy networks, but a sample of few images can leave an "
        "honest model's accuracy undecided. On 300 images of the bank's networks chance "
        "lies 25 to 51 standard deviations below the accuracy, on networks with 26 to 55 % on CIFAR-10 6 to 24."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Holds the agreement with the labels against chance."""
    fit = evidence.probes.fit
    if fit is None:
        return (Skip("chance", evidence.probes.why_missing("fit")),)
    if fit.labels is None:
        return (Skip("chance", "the data have no labels to hold the model's answers against"),)
    return findings_from(fit)


def findings_from(fit: SampleFit) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    seen = fit.labels
    if seen is None or not seen.images or not is_at_chance(seen):
        return ()
    clean = share("clean accuracy", seen.right, seen.images)
    expected = seen.by_chance / seen.images
    few = clean.high is not None and clean.high >= expected + WELL * (1 - expected)
    cause = (
        "So few images do not tell a good model from one that guesses: audit with more --samples."
        if few
        else "The model is fed wrongly, the labels mean something else, or it is broken."
    )
    message = (
        f"{percent(clean.value)} of {seen.images} clean images are classified as they are labelled, where chance alone "
        f"gives {percent(expected)}. {cause}"
    )
    numbers = (
        clean,
        Measurement("accuracy by chance", expected, "fraction of images", seen.images),
        Measurement("standard deviations above chance", seen.deviation, "", seen.images),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.LOW if few else Confidence.HIGH, numbers),)


CHECK = Check("chance", (RULE,), no_trials, judge)
