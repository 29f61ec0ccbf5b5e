"""MF407: the answer to an image depends on the images beside it."""

from __future__ import annotations

from bnnaudit.core.evidence import Agreement, Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.rules.comparison import share

RULE = Rule(
    code="MF407",
    name="batch-dependent",
    severity=Severity.ERROR,
    summary="The class of some clean images changes with the size of the batch or with the other images in it.",
    meaning=(
        "A model that normalises over the batch answers about the batch, not about the image. Its accuracy, attacked or "
        "not, is then a property of how images happened to be grouped, and an attacker who sends images together controls it."
    ),
    measured=(
        "The deployed model classifies the clean sample in one go, its first 64 images one by one, and the sample in another "
        "order in batches of seven. A changed class counts where the top two scores are further apart than float noise."
    ),
    threshold="Fires when one image changes its class although it does not change from run to run (MF405).",
    source="Carlini 2019 (issue on batch normalisation in training mode in a published evaluation); RobustBench's rules.",
    remedy="Export the model in evaluation mode, so that normalisation uses its stored statistics.",
    false_alarms="Kernels chosen by batch size round differently; differences of float noise are therefore not counted.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Counts the images whose class changed."""
    return findings_from(evidence.agreement)


def findings_from(seen: Agreement) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    if seen.unstable > 0 or seen.alone + seen.company == 0:
        return ()
    message = (
        f"The deployed model changed its answer on {seen.alone} images when they were run one by one and on "
        f"{seen.company} of {seen.images} in the company of other images: it answers about the batch, not the image."
    )
    numbers = (
        share("changed in other company", seen.company, seen.images),
        share("changed alone", seen.alone, seen.images),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("batch", (RULE,), no_trials, judge)
