"""MF414: the model is far more accurate when its inputs are prepared differently."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.sample_fit import Alternative, FeedingFit, SampleFit
from bnnaudit.rules.comparison import in_points, percent, share
from bnnaudit.rules.fitness import FAR, SIGNIFICANT, about_as_good, explanations

MENTIONED = 3
"""Other ways that a message names."""

RULE = Rule(
    code="MF414",
    name="fed-otherwise-than-trained",
    severity=Severity.ERROR,
    summary="Another input range, normalisation, layout or channel order gives a far better clean accuracy.",
    meaning="On inputs that the model was not made for, every figure describes another function than the one shipped.",
    measured=(
        "If the clean accuracy is below 90 %, the deployed model classifies up to 100 images of the sample prepared in up to "
        "thirty other ways: ranges 0..1, 0..255, -1..1 and -128..127; mean and std of ImageNet, CIFAR, MNIST, FashionMNIST, "
        "Caffe and of the sample itself; each in RGB and BGR; and for the best of these also with values inverted or stretched "
        "to the range, height and width swapped, or the pixels of a flat input in another order (vectors are taken as square "
        "pictures for this)."
    ),
    threshold=(
        f"Fires when another way raises the accuracy by at least {in_points(FAR)} and McNemar's exact p-value, "
        f"times the ways tried, is below {SIGNIFICANT:g}, unless another numbering of the labels explains as much (MF413)."
    ),
    source="This tool's own requirement; [McNemar 1947].",
    remedy="Give the options that the message names, or write them into the card's [preprocessing], and audit again.",
    false_alarms=(
        "None in 960 samples of 40 or 120 images from healthy test networks; on networks with 24 to 58 % on CIFAR-10 the "
        "best other way gained at most 8 points on 100 images (16 against 8). Heavy noise on the images (standard deviation "
        "0.5) can favour a normalisation that darkens them, by 35 points on MNIST."
    ),
)


def judge(evidence: Evidence) -> Judged:
    """Compares the best other way with the given one."""
    fit = evidence.probes.fit
    if fit is None:
        return (Skip("feeding", evidence.probes.why_missing("fit")),)
    if fit.untried:
        return (Skip("feeding", fit.untried),)
    return findings_from(fit)


def findings_from(fit: SampleFit) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    seen = fit.feeding
    _, best = explanations(fit)
    if seen is None or best is None:
        return ()
    message = (
        f"As given, {percent(seen.right / seen.images)} of {seen.images} images are classified correctly; with {best.what} it "
        f"is {percent(best.right / seen.images)}. If the model was trained that way, {best.remedy}.{_others(best, seen)}"
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


CHECK = Check("feeding", RULE, judge)
