"""MF401: the differentiable copy answers differently from the deployed model."""

from __future__ import annotations

from bnnaudit.core.evidence import Agreement, Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent

RULE = Rule(
    code="MF401",
    name="copies-disagree",
    severity=Severity.ERROR,
    summary="The differentiable copy and the deployed model put some clean images into different classes.",
    meaning=(
        "Attacks climb on a differentiable copy. Where it is not the same function as the model that will be served, a "
        "failed attack proves nothing. Successes stay valid: each is replayed on the deployed model."
    ),
    measured=(
        "Both classify every clean image of the sample. A different class counts where the deployed model's top two "
        "scores are further apart than float noise (1e-4 of the largest score)."
    ),
    threshold="Fires on one such image; an error from 1 % of the images on, a warning below.",
    source="This tool's own requirement: what is attacked must be what is shipped.",
    remedy=(
        "Check --input-range, --mean/--std and --layout first. If they are right, the importer differs from ONNX Runtime "
        "on an operator of this file: please report it."
    ),
    false_alarms=(
        "Sums of large integers can round differently and flip a sign at its threshold on single images. Integer kernels "
        "round ties in ways of their own: where a runtime fuses quantizers and layers, one step of an 8-bit scale can "
        "flip an image whose top two scores are a step apart. Below 1 % of the images that is a warning for this reason."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Counts the images on which the two differ."""
    return findings_from(evidence.agreement)


def findings_from(seen: Agreement) -> tuple[Finding, ...]:
    """The finding for what was seen, if there is one."""
    if seen.disagreeing == 0:
        return ()
    share = seen.disagreeing / seen.images
    message = (
        f"The differentiable copy and the deployed model disagree on {seen.disagreeing} of {seen.images} clean images "
        f"({percent(share)}); scores differ by up to {seen.largest_difference:.3g}. An attack that fails here proves nothing."
    )
    severity = Severity.ERROR if share >= 0.01 else Severity.WARNING
    numbers = (
        Measurement("images in different classes", seen.disagreeing, "images", seen.images),
        Measurement("largest difference of scores", seen.largest_difference, "", seen.images),
    )
    return (Finding(RULE, message, severity, Confidence.HIGH, numbers),)


CHECK = Check("copies", (RULE,), no_trials, judge)
