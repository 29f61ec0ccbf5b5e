"""MF407: the prediction for an image depends on the other images in its batch."""

from bnnaudit.core.evidence import Agreement, Check
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity
from bnnaudit.rules.comparison import share

RULE = Rule(
    code="MF407",
    name="batch-dependent",
    severity=Severity.ERROR,
    summary="The class of some clean images changes with the size of the batch or with the other images in it.",
    meaning=(
        "A model that normalises over the batch classifies the batch, not the image. Its accuracy, attacked or not, then depends "
        "on how images happen to be grouped, and an attacker who sends several images together controls it."
    ),
    measured=(
        "The deployed model classifies the clean sample in one go, its first 64 images one by one, and the sample in another "
        "order in batches of seven. A changed class counts where the top two scores differ by more than float noise."
    ),
    threshold="Fires when the class of one image changes although it does not change between identical runs (MF405).",
    source="[Croce et al. 2021], RobustBench's rules for submissions.",
    remedy="Export the model in evaluation mode, so that normalisation uses its stored statistics.",
    false_alarms="Kernels chosen by batch size round differently; differences within float noise are therefore not counted.",
)


def findings_from(seen: Agreement) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    if seen.unstable > 0 or seen.alone + seen.company == 0:
        return ()
    message = (
        f"The deployed model changed its prediction on {seen.alone} images when they were run one by one, and on "
        f"{seen.company} of {seen.images} in batches with other images: it classifies the batch, not the image."
    )
    numbers = (
        share("changed in other company", seen.company, seen.images),
        share("changed alone", seen.alone, seen.images),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("batch", RULE, lambda evidence: findings_from(evidence.agreement))
