"""MF415: the images do not look like pictures, or the model predicts one class for all of them."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.sample_fit import PictureFit, SampleFit
from bnnaudit.rules.comparison import in_percent, percent

WHITE = 0.1
"""Correlation of neighbouring pixels below which images are noise. Medians: 8 x 8 digits 0.55, MNIST 0.81, traffic signs 0.88,
CIFAR-10 0.89, each of their images above 0.3; with uniform noise of 0.3 added at least 0.50; uniform and normal noise of 8 x 8
to 224 x 224 between -0.03 and 0.01, MNIST with its pixels shuffled 0.01."""
MOSTLY = 0.5
"""Share of the images that may be constant. Not tuned."""
NARROW = 0.02
"""Share of the input range that the values must span: five of 255 levels. Not tuned."""
ONE_SIDED = 0.95
"""Share of the images without labels that may get the same class. Not tuned."""
ENOUGH = 30
"""Images from which on the same prediction for all of them is not an accident of the sample. Not tuned."""
LEAST_CLASSES = 3
"""Classes, at least: of two, one may well be rare. Not tuned."""

RULE = Rule(
    code="MF415",
    name="unlike-pictures",
    severity=Severity.WARNING,
    summary="The images are not what the model was made for: noise, constant images, or all of one class.",
    meaning=(
        "Robustness is a question about the images that the model will meet in use. Noise, constant images, or values that "
        "hardly use the input range are not such images; nor are, without labels to confirm it, images that nearly all get the "
        "same class. An audit on them says little about the model in use."
    ),
    measured=(
        "Correlation of neighbouring pixels, the median over the images (pictures of at least 8 x 8); images whose values "
        "are all the same; the span of all values; for data without labels, the class that is predicted most often."
    ),
    threshold=(
        f"Fires when that correlation is below {WHITE:g}, when more than {in_percent(MOSTLY)} of the images are constant, when "
        f"all values span less than {in_percent(NARROW)} of the input range, or when {in_percent(ONE_SIDED)} of at least "
        f"{ENOUGH} unlabelled images get the same one of at least {LEAST_CLASSES} classes."
    ),
    source="This tool's own requirement; the correlations were measured on public data sets and on noise.",
    remedy="Audit on images from the model's own test set, stored in the units that the data state.",
    false_alarms="Spectra, permuted pixels and other data without neighbourhoods; samples of one class only.",
)


def judge(evidence: Evidence) -> Judged:
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
        reasons.append(f"{seen.flat} of {seen.images} images are constant")
    elif seen.spread < NARROW:
        reasons.append(f"all values of the images lie within {percent(seen.spread)} of the input range")
    if seen.correlation is not None and seen.correlation < WHITE:
        reasons.append(
            f"neighbouring pixels have a correlation of {seen.correlation:z.2f}, like noise (pictures: above 0.3)"
        )
    return reasons


def _of_the_answers(seen: PictureFit, classes: int) -> list[str]:
    if classes < LEAST_CLASSES or seen.images < ENOUGH or seen.commonest < ONE_SIDED * seen.images:
        return []
    return [f"the model assigns {seen.commonest} of {seen.images} unlabelled images to one class"]


CHECK = Check("picture-likeness", RULE, judge)
