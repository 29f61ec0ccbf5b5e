"""MF414: the model is right far more often when it is fed otherwise."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.fit import Alternative, FeedingFit, SampleFit
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.fitness import about_as_good, better_feeding

MENTIONED = 3
"""Other ways that a message names."""

RULE = Rule(
    code="MF414",
    name="fed-otherwise-than-trained",
    severity=Severity.ERROR,
    summary="Another input range, normalisation, layout or order of colours gives a far better clean accuracy.",
    meaning=(
        "The model is run on inputs that it was not made for. Its answers there, and with them every figure of the audit, are "
        "those of another function than the one that will be shipped."
    ),
    measured=(
        "Where clean accuracy is below 90 %, the deployed model classifies up to 100 images of the sample in up to thirty "
        "other ways: ranges 0..1, 0..255, -1..1 and -128..127; mean and std of ImageNet, CIFAR, MNIST, FashionMNIST, Caffe and "
        "of the sample itself; each in RGB and BGR; and on top of the best of them values inverted or stretched to the range, "
        "height and width swapped, pixels of a flat input in another order; vectors are taken as square pictures for this."
    ),
    threshold=(
        "Fires where another way puts at least 10 points more of the images right and McNemar's exact p-value, times the ways "
        "tried, is below 0.01, unless another numbering of the labels explains as much (MF413)."
    ),
    source="This tool's own requirement; McNemar 1947.",
    remedy="Give the options that the message names, or write them into the card's [preprocessing], and audit again.",
    false_alarms=(
        "None in 960 samples of 40 or 120 images from the bank's healthy networks; on networks with 24 to 58 % on CIFAR-10 the "
        "best other way gained at most 8 points of 100 images (16 against 8). Heavy "
        "noise on the images (deviation 0.5) can make a normalisation that darkens them better, by 35 points on MNIST."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Holds the best other way against the given one."""
    fit = evidence.probes.fit
    if fit is None:
        return (Skip("feeding", evidence.probes.why_missing("fit")),)
    if fit.untried:
        return (Skip("feeding", fit.untried),)
    return findings_from(fit)


def findings_from(fit: SampleFit) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    seen = fit.feeding
    best = better_feeding(fit)
    if seen is None or best is None:
        return ()
    message = (
        f"As fed, {percent(seen.right / seen.images)} of {seen.images} images are classified correctly; with {best.what} it "
        f"is {percent(best.right / seen.images)}. If the model was trained so, {best.remedy}.{_others(best, seen)}"
    )
    numbers = (
        share("accuracy as fed", seen.right, seen.images),
        share("accuracy fed otherwise", best.right, seen.images),
        Measurement("right only if fed otherwise", best.gained, "images", seen.images),
        Measurement("right only as fed", best.lost, "images", seen.images),
        Measurement("ways tried", len(seen.alternatives), "ways"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


def _others(best: Alternative, seen: FeedingFit) -> str:
    """Ways that the sample cannot tell from the best, the plainest ones."""
    others = [each.what for each in about_as_good(best, seen.alternatives, seen.images) if each is not best]
    return f" About as good: {'; '.join(others[:MENTIONED])}." if others else ""


CHECK = Check("feeding", (RULE,), no_trials, judge)
