"""MF401: the differentiable copy and the deployed model disagree."""

from bnnaudit.core.evidence import Agreement, Check
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity
from bnnaudit.rules.comparison import in_percent, percent

MANY = 0.01
"""Share of disagreeing images from which on it is an error: integer kernels alone flip single images. Not tuned."""

RULE = Rule(
    code="MF401",
    name="copies-disagree",
    severity=Severity.ERROR,
    summary="The differentiable copy and the deployed model predict different classes for some clean images.",
    meaning=(
        "Attacks follow the gradients of a differentiable copy. Where it is not the same function as the model that will be "
        "served, a failed attack proves nothing. Successes remain valid: each is replayed on the deployed model."
    ),
    measured=(
        "Both classify every clean image of the sample. A different class counts where the deployed model's top two "
        "scores differ by more than float noise (1e-4 of the largest score)."
    ),
    threshold=f"Fires on one such image; an error from {in_percent(MANY)} of the images on, a warning below.",
    source="This tool's own requirement: the model that is attacked must be the model that is shipped.",
    remedy=(
        "Check --input-range, --mean, --std and --layout first. If they are right, the importer and ONNX Runtime disagree on an "
        "operator of this file: please report it."
    ),
    false_alarms=(
        "Sums of large integers can round differently and flip a sign at its threshold on single images. Integer kernels "
        "break ties differently: where a runtime fuses quantizers and layers, one step of an 8-bit scale can flip an image "
        f"whose top two scores are a step apart. For this reason less than {in_percent(MANY)} of the images are a warning."
    ),
)


def findings_from(seen: Agreement) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    if seen.disagreeing == 0:
        return ()
    share = seen.disagreeing / seen.images
    message = (
        f"The differentiable copy and the deployed model disagree on {seen.disagreeing} of {seen.images} clean images "
        f"({percent(share)}); scores differ by up to {seen.largest_difference:.3g}. An attack that fails here proves nothing."
    )
    severity = Severity.ERROR if share >= MANY else Severity.WARNING
    numbers = (
        Measurement("images in different classes", seen.disagreeing, "images", seen.images),
        Measurement("largest difference of scores", seen.largest_difference, "", seen.images),
    )
    return (Finding(RULE, message, severity, Confidence.HIGH, numbers),)


CHECK = Check("copies", RULE, lambda evidence: findings_from(evidence.agreement))
