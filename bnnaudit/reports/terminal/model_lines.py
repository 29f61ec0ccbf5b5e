"""What a model file holds, as labelled lines that the audit's report and `inspect` share."""

from rich.console import RenderableType

from bnnaudit.core.facts import ChannelOrder, Differentiation, Layout, ModelFacts, ModelFormat, OutputKind
from bnnaudit.reports.numbers import bits, plural, shape, significant
from bnnaudit.reports.terminal.style import Look

FORMAT_NAMES = {
    ModelFormat.ONNX: "ONNX",
    ModelFormat.SAFETENSORS: "safetensors checkpoint",
    ModelFormat.PYTORCH: "PyTorch checkpoint",
}
_OUTPUTS = {
    OutputKind.LOGITS: "logits",
    OutputKind.SOFTMAX: "softmax; attacks work on the logits before it",
    OutputKind.LOG_SOFTMAX: "log-softmax; attacks work on the logits before it",
}
_SOURCES = {
    Differentiation.GRAPH: "",
    Differentiation.MODULES: "by its modules",
    Differentiation.RECORDED: "by the operators that its code runs",
    Differentiation.MEASURED: "by its code, with steps measured at its modules",
    Differentiation.CODE: "by its code as it is written",
}
_LAYOUTS = {Layout.NCHW: "NCHW", Layout.NHWC: "NHWC", Layout.FLAT: "flat"}

_FLATTENED = {Layout.NCHW: "flat, channels first", Layout.NHWC: "flat, channels last"}


def file_line(facts: ModelFacts, look: Look) -> RenderableType:
    """`ONNX, 10 classes, 12,345 parameters`."""
    parts = [FORMAT_NAMES[facts.format], plural(facts.num_classes, "class")]
    if facts.parameters:
        parts.append(plural(facts.parameters, "parameter"))
    return look.text(", ".join(parts))


def precision_line(facts: ModelFacts, look: Look) -> RenderableType:
    """`weights 1 bit, activations 1 bit`."""
    return look.text(f"weights {bits(facts.weight_bits)}, activations {bits(facts.activation_bits)}")


def steps_line(facts: ModelFacts, look: Look) -> RenderableType:
    """`3 non-differentiable steps (2 x sign, 1 x round)`, or `no non-differentiable step`; what is not known is said so."""
    counted, known = facts.nondifferentiable, facts.gradients.complete
    if not counted:
        return look.text("no non-differentiable step" if known else "non-differentiable steps unknown")
    kinds = ", ".join(f"{entry.count} x {entry.op}" for entry in counted)
    steps = plural(sum(entry.count for entry in counted), "non-differentiable step")
    return look.text(f"{'' if known else 'at least '}{steps} ({kinds})")


def gradient_line(facts: ModelFacts, look: Look) -> RenderableType | None:
    """Where the gradient of a checkpoint's network comes from; None for a file that holds its own graph."""
    seen = facts.gradients
    words = _SOURCES[seen.source]
    if not words:
        return None
    cuts = ", ".join(f"{cut.count} x {cut.op}" for cut in seen.cuts)
    parts = [words, f"{cuts} passed over" if cuts else "", f"ends at {', '.join(seen.unseen)}" if seen.unseen else ""]
    return look.text("; ".join(part for part in (*parts, seen.why) if part))


def input_line(facts: ModelFacts, look: Look) -> RenderableType:
    """`3 x 32 x 32 (NCHW, BGR), values from 0 to 255, normalised by mean 0.5 and std 0.25`."""
    box = facts.box
    flattened = _FLATTENED.get(facts.layout) if len(facts.input_shape) == 1 else None
    colours = ", BGR" if facts.channels is ChannelOrder.BGR else ""
    line = f"{shape(facts.input_shape)} ({flattened or _LAYOUTS[facts.layout]}{colours})"
    whole = "" if facts.grid is None else f"{facts.grid.kind} "
    line += f", {whole}values from {significant(box.low, 6)} to {significant(box.high, 6)}"
    normalised = [
        f"{name} {_channels(values)}" for name, values in (("mean", facts.mean), ("std", facts.std)) if values
    ]
    if normalised:
        line += f", normalised by {' and '.join(normalised)}"
    if facts.fixed_batch is not None:
        line += f", batches of exactly {facts.fixed_batch}"
    return look.text(line)


def output_line(facts: ModelFacts, look: Look) -> RenderableType:
    """What the deployed model returns."""
    single = f"a single {facts.single} for each image, that of the second of two classes"
    return look.text(single if facts.single else _OUTPUTS[facts.output])


def _channels(values: tuple[float, ...]) -> str:
    return " ".join(significant(value, 4) for value in values)
