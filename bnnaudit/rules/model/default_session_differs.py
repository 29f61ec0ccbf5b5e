"""MF409: a default session of ONNX Runtime computes something other than the file describes."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent

RULE = Rule(
    code="MF409",
    name="default-session-differs",
    severity=Severity.WARNING,
    summary="A default session of ONNX Runtime assigns some clean images to a different class than the file as written does.",
    meaning=(
        "The audit replays images on the file as written: every quantizer and dequantizer by itself, sums of 8-bit products "
        "exact. Opened without options, ONNX Runtime fuses quantizers and layers into integer kernels, some of which round "
        "differently, and on x86 processors without VNNI the ones for uint8 times int8 saturate. Such a server gives different "
        "answers from those audited, and different ones from machine to machine."
    ),
    measured="Both classify every clean image of the sample, on the processor of the audit. Every different class counts.",
    threshold="Fires on one such image. Another processor may differ more or less: the report's replay line mentions saturation.",
    source="[ONNX Runtime quantization]: uint8 by int8 may saturate on AVX2 and AVX512; reduce_range avoids it.",
    remedy=(
        "Serve with the session option session.x64quantprecision=1 and without the optimizer QDQSelectorActionTransformer, or "
        "quantize with reduce_range=True (7-bit weights) or to uint8 weights, and audit again."
    ),
    false_alarms="One rounding in a fused kernel can flip images whose top two scores are tied or one step apart.",
)


def judge(evidence: Evidence) -> Judged:
    """Counts the images on which the two differ."""
    if why := evidence.probes.recorded("default-session"):
        return (Skip("default-session", why),)
    seen = evidence.default_session
    if seen is None or seen.differing == 0:
        return ()
    message = (
        f"ONNX Runtime without options assigns {seen.differing} of {seen.images} clean images "
        f"({percent(seen.differing / seen.images)}) to another class than the file as written, on which adversarial images "
        f"were replayed; scores differ by up to {seen.largest_difference:.3g}."
    )
    numbers = (
        Measurement("images in another class by default", seen.differing, "images", seen.images),
        Measurement("largest difference of scores", seen.largest_difference, "", seen.images),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("default-session", RULE, judge)
