"""MF412: the model is no more accurate than chance."""

from bnnaudit.core.evidence import Check
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity
from bnnaudit.core.sample_fit import SampleFit
from bnnaudit.rules.comparison import in_percent, percent, share
from bnnaudit.rules.fitness import DEVIATIONS, ENOUGH_OTHERS, is_at_chance, judge_labels

WELL = 0.25
"""Share of the way from chance to 100 %: an accuracy above it is not that of guessing, and small networks without a defect reach
24 to 58 % on CIFAR-10. Not tuned."""

RULE = Rule(
    code="MF412",
    name="clean-accuracy-at-chance",
    severity=Severity.ERROR,
    summary="The model classifies clean images no better than chance.",
    meaning=(
        "Its predictions have nothing to do with the labels. Either its inputs are not prepared as they were in training (range, "
        "mean and std, layout, channel order), or the labels mean something else, or the file is broken. What attacks do to such "
        "a model says nothing about its robustness."
    ),
    measured=(
        "Accuracy of the deployed model on the clean sample, beside the agreement to be expected if the labels were assigned to "
        "the images at random, predictions and labels each with their own frequencies (as in Cohen's kappa). A model that always "
        "predicts the commonest class is right by chance, however common that is."
    ),
    threshold=(
        f"Fires when the agreement is at most {DEVIATIONS:g} standard deviations above that expectation or, if fewer than "
        f"{ENOUGH_OTHERS} images have a label other than the commonest, when the accuracy's 95 % interval reaches down to "
        f"1 / number of classes. If the interval reaches {in_percent(WELL)} of the way from chance to 100 %, the images are too "
        "few to tell, and the confidence is low."
    ),
    source="[Cohen 1960] (agreement by chance); this tool's own requirement.",
    remedy=(
        "Check --input-range, --mean and --std, --layout, --channels and the labels: MF413 and MF414 name the ones that fit, if "
        "any do. With few images, audit more (--samples)."
    ),
    false_alarms=(
        "None in 960 samples of 40 or 120 images from healthy test networks, but a sample of few images can leave it open "
        "whether a model is better than chance. On 300 images, the accuracy of these networks is 25 to 51 standard deviations "
        "above chance, and that of networks with 26 to 55 % on CIFAR-10 6 to 24."
    ),
)


def findings_from(fit: SampleFit) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    seen = fit.labels
    if seen is None or not seen.images or not is_at_chance(seen):
        return ()
    clean = share("clean accuracy", seen.right, seen.images)
    expected = seen.by_chance / seen.images
    few = clean.high is not None and clean.high >= expected + WELL * (1 - expected)
    cause = (
        "So few images cannot tell a good model from one that guesses: audit with more --samples."
        if few
        else "The inputs are prepared wrongly, the labels mean something else, or the model is broken."
    )
    message = (
        f"{percent(clean.value)} of {seen.images} clean images are classified as labelled, where chance alone gives "
        f"{percent(expected)}. {cause}"
    )
    numbers = (
        clean,
        Measurement("accuracy by chance", expected, "fraction of images", seen.images),
        Measurement("standard deviations above chance", seen.deviation, "", seen.images),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.LOW if few else Confidence.HIGH, numbers),)


CHECK = Check("chance", RULE, lambda evidence: judge_labels("chance", evidence, findings_from))
