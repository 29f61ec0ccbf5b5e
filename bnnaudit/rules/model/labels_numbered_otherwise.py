"""MF413: the labels fit far better with another numbering of the classes."""

from bnnaudit.core.evidence import Check
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity
from bnnaudit.core.sample_fit import SampleFit
from bnnaudit.rules.comparison import in_points, percent, share
from bnnaudit.rules.fitness import FAR, SIGNIFICANT, explanations, judge_labels

RULE = Rule(
    code="MF413",
    name="labels-numbered-otherwise",
    severity=Severity.ERROR,
    summary="The model's predictions fit the labels far better with another numbering of the classes.",
    meaning=(
        "The labels start at 1, or count a background class, or list the classes in another order than the model's training "
        "did. Images that are classified correctly then count as wrong and are never attacked, and those that are attacked are "
        "the few on which both agree by accident."
    ),
    measured=(
        "Agreement of the deployed model with the labels as they are, less 1, plus 1, and with the order of classes that fits "
        "best, found on one half of the sample and judged on the other."
    ),
    threshold=(
        f"Fires when another numbering raises the accuracy by at least {in_points(FAR)} and McNemar's exact p-value, "
        f"times the numberings tried, is below {SIGNIFICANT:g}, unless another way to prepare the images explains more (MF414)."
    ),
    source="This tool's own requirement; [McNemar 1947].",
    remedy="Number the labels as in the model's training; the message says which numbering fits.",
    false_alarms=(
        "None in 960 samples of 40 or 120 images from healthy test networks; on networks with 26 to 55 % on CIFAR-10 no "
        "other numbering fits better by more than 4 of 120 images."
    ),
)


def findings_from(fit: SampleFit) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    seen = fit.labels
    best, _ = explanations(fit)
    if seen is None or best is None:
        return ()
    message = (
        f"It seems that {best.what}: {percent(seen.right / seen.images)} of {seen.images} images are classified as labelled, "
        f"{percent(best.right / seen.images)} in that case. {best.remedy.capitalize()}."
    )
    numbers = (
        share("clean accuracy", seen.right, seen.images),
        share("clean accuracy, numbered otherwise", best.right, seen.images),
        Measurement("right only if numbered otherwise", best.gained, "images", seen.images),
        Measurement("right only as labelled", best.lost, "images", seen.images),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("label-order", RULE, lambda evidence: judge_labels("label-order", evidence, findings_from))
