"""MF415: the images are not like pictures, or the model tells nothing apart in them."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.fit import PictureFit, SampleFit
from bnnaudit.rules.comparison import percent

WHITE = 0.1
"""Correlation of neighbouring pixels below which images are noise. Medians: 8 x 8 digits 0.55, MNIST 0.81, traffic signs 0.88,
CIFAR-10 0.89, each of their images above 0.3; with uniform noise of 0.3 added 0.50 at least; uniform and normal noise of 8 x 8
to 224 x 224 between -0.03 and 0.01, MNIST with its pixels shuffled 0.01."""
MOSTLY = 0.5
"""Of the images: how many may be of one single value."""
NARROW = 0.02
"""Of the input range: what values must span. Five of 255 levels."""
ONE_SIDED = 0.95
"""Of the images without labels: how many may get the same class."""
ENOUGH = 30
"""Images from which on the same answer to all of them is no accident of the sample."""

RULE = Rule(
    code="MF415",
    name="unlike-pictures",
    severity=Severity.WARNING,
    summary="The images are not like what the model was made for: noise, nothing, or all of one class.",
    meaning=(
        "Whether a model is robust is asked of the images that it will meet. Noise, images of one single value, or values "
        "that hardly use the input range are no such images; and a model that gives nearly all of them the same class, where "
        "no labels say that it is right, tells nothing apart in them. An audit on them says little about the model in use."
    ),
    measured=(
        "Correlation of neighbouring pixels, the median over the images (pictures of at least 8 x 8); images whose values "
        "are all the same; the span of all values; for data without labels the class that is answered most often."
    ),
    threshold=(
        "Fires where that correlation is below 0.1, where more than half of the images are of one value, where all values "
        "span less than 2 % of the input range, or where 95 % of at least 30 unlabelled images get one class of three or more."
    ),
    source="This tool's own requirement; the figures beside the constants were measured.",
    remedy="Audit on images from the model's own test set, stored in the units that the data state.",
    false_alarms=(
        "Models of spectra, of permuted pixels or of other fields without neighbours; samples that hold one class only. A "
        "warning, for this reason."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Looks at what was measured on the images."""
    fit = evidence.probes.fit
    if fit is None:
        return (Skip("picture-likeness", evidence.probes.why_missing("fit")),)
    return findings_from(fit, evidence.facts.num_classes)


def findings_from(fit: SampleFit, classes: int) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    seen = fit.pictures
    if not seen.images:
        return ()
    reasons = [*_of_the_images(seen), *([] if fit.labels is not None else _of_the_answers(seen, classes))]
    if not reasons:
        return ()
    message = f"{'; '.join(reasons)}. These are hardly the images that the model was made for."
    numbers = [
        Measurement("span of all values", seen.spread, "fraction of the input range", seen.images),
        Measurement("images of one value", seen.flat, "images", seen.images),
        Measurement("images of the class answered most often", seen.commonest, "images", seen.images),
    ]
    if seen.correlation is not None:
        numbers.append(Measurement("correlation of neighbouring pixels", seen.correlation, "", seen.images - seen.flat))
    return (Finding(RULE, message[0].upper() + message[1:], RULE.severity, Confidence.MEDIUM, tuple(numbers)),)


def _of_the_images(seen: PictureFit) -> list[str]:
    reasons = []
    if seen.flat > MOSTLY * seen.images:
        reasons.append(f"{seen.flat} of {seen.images} images are of one single value")
    elif seen.spread < NARROW:
        reasons.append(f"all values of the images lie within {percent(seen.spread)} of the input range")
    if seen.correlation is not None and seen.correlation < WHITE:
        reasons.append(
            f"neighbouring pixels have a correlation of {seen.correlation:.2f}, as noise has (pictures: above 0.3)"
        )
    return reasons


def _of_the_answers(seen: PictureFit, classes: int) -> list[str]:
    if classes < 3 or seen.images < ENOUGH or seen.commonest < ONE_SIDED * seen.images:
        return []
    return [f"the model puts {seen.commonest} of {seen.images} unlabelled images into one class"]


CHECK = Check("picture-likeness", (RULE,), no_trials, judge)
