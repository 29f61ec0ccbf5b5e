"""MF409: ONNX Runtime as it is opened without options answers differently from the file as it is written."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent

RULE = Rule(
    code="MF409",
    name="default-session-differs",
    severity=Severity.WARNING,
    summary="A default session of ONNX Runtime puts some clean images into another class than the file as written.",
    meaning=(
        "The audit replays on the file as it is written: (de)quantizers one by one, sums of 8-bit products exact. Opened "
        "without options, ONNX Runtime fuses quantizers and layers into kernels on integers, some of which round "
        "otherwise, and on x86 processors without VNNI those for uint8 times int8 clip their sums. Such a server gives other "
        "answers than the ones that were audited, and other ones from one machine to the next."
    ),
    measured="Both classify every clean image of the sample, on the processor of the audit. Every other class counts.",
    threshold="Fires on one such image. Another processor may differ more or less: the report's replay line tells of clipping.",
    source=(
        "ONNX Runtime's page on quantization: products of uint8 by int8 may saturate on AVX2 and AVX512; reduce_range or "
        "uint8 weights avoid it."
    ),
    remedy=(
        "Serve with the session option session.x64quantprecision=1 and without the optimizer QDQSelectorActionTransformer, or "
        "quantize with reduce_range=True (weights of 7 bits) or to uint8 weights, and audit again."
    ),
    false_alarms=(
        "Single images whose top two scores are a step of the output's scale apart, or tied, may change class by one rounding "
        "in a fused kernel."
    ),
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Counts the images on which the two differ."""
    seen = evidence.default_session
    if seen is None or seen.differing == 0:
        return ()
    message = (
        f"ONNX Runtime without options puts {seen.differing} of {seen.images} clean images "
        f"({percent(seen.differing / seen.images)}) into another class than the file as written, on which adversarial images "
        f"were replayed; scores differ by up to {seen.largest_difference:.3g}."
    )
    numbers = (
        Measurement("images in another class by default", seen.differing, "images", seen.images),
        Measurement("largest difference of scores", seen.largest_difference, "", seen.images),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("default-session", (RULE,), no_trials, judge)
