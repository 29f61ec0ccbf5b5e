"""What a model file holds, in labelled lines of words that every laid-out format shares."""

from collections.abc import Sequence

from bnnaudit.core.facts import ChannelOrder, Differentiation, LayerBits, Layout, ModelFacts, ModelFormat, OutputKind
from bnnaudit.reports.numbers import bits, plural, shape, significant

FORMAT_NAMES = {
    ModelFormat.ONNX: "ONNX",
    ModelFormat.SAFETENSORS: "safetensors checkpoint",
    ModelFormat.PYTORCH: "PyTorch checkpoint",
    ModelFormat.MODULE: "PyTorch module in memory, deployed as it is",
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
    Differentiation.CODE: "by its code as written",
}
_LAYOUTS = {Layout.NCHW: "NCHW", Layout.NHWC: "NHWC", Layout.FLAT: "flat"}

_FLATTENED = {Layout.NCHW: "flat, channels first", Layout.NHWC: "flat, channels last"}


def model_words(label: str, facts: ModelFacts) -> list[tuple[str, str]]:
    """The file under a label of the caller's, then precision, steps, the source of the gradient, and input."""
    gradient = _gradient(facts)
    weights = _from_fewest(facts.weight_bits, facts.weight_layers)
    activations = _from_fewest(facts.activation_bits, facts.activation_layers)
    return [
        (label, _file(facts)),
        ("Precision", f"weights {weights}, activations {activations}"),
        ("", _steps(facts)),
        *([("Gradient", gradient)] if gradient else []),
        ("Input", _input(facts)),
    ]


def output_line(facts: ModelFacts) -> str:
    """What the deployed model returns, and how the only score of an image is read."""
    single = f"a single {facts.single} for each image, that of the second of two classes"
    return single if facts.single else _OUTPUTS[facts.output]


def _file(facts: ModelFacts) -> str:
    """`ONNX, 10 classes, 12,345 parameters`."""
    parts = [FORMAT_NAMES[facts.format], plural(facts.num_classes, "class")]
    if facts.parameters:
        parts.append(plural(facts.parameters, "parameter"))
    return ", ".join(parts)


def _from_fewest(fewest: int | None, layers: Sequence[LayerBits]) -> str:
    """`1 bit`; `from 1 bit up (2 of 1 bit, 1 of 32 bits)` where layers differ."""
    if len(layers) < 2:
        return bits(fewest)
    counts = ", ".join(f"{entry.layers} of {plural(entry.bits, 'bit')}" for entry in layers)
    return f"from {bits(fewest)} up ({counts})"


def _steps(facts: ModelFacts) -> str:
    """`3 non-differentiable steps (2 x sign, 1 x round)`, or `no non-differentiable step`; unknown steps are called unknown."""
    counted, known = facts.nondifferentiable, facts.gradients.complete
    if not counted:
        return "no non-differentiable step" if known else "non-differentiable steps unknown"
    kinds = ", ".join(f"{entry.count} x {entry.op}" for entry in counted)
    steps = plural(sum(entry.count for entry in counted), "non-differentiable step")
    return f"{'' if known else 'at least '}{steps} ({kinds})"


def _gradient(facts: ModelFacts) -> str:
    """Where the gradient of a checkpoint's network comes from; empty for a file that holds its own graph."""
    seen = facts.gradients
    words = _SOURCES[seen.source]
    if not words:
        return ""
    cuts = ", ".join(f"{cut.count} x {cut.op}" for cut in seen.cuts)
    parts = [words, f"{cuts} bypassed" if cuts else "", f"ends at {', '.join(seen.unseen)}" if seen.unseen else ""]
    return "; ".join(part for part in (*parts, seen.why) if part)


def _input(facts: ModelFacts) -> str:
    """`3 x 32 x 32 (NCHW, BGR), values from 0 to 255, normalised by mean 0.5 and std 0.25`."""
    box = facts.box
    flattened = _FLATTENED.get(facts.layout) if len(facts.input_shape) == 1 else None
    colours = ", BGR" if facts.channels is ChannelOrder.BGR else ""
    whole = "" if facts.grid is None else f"{facts.grid.kind} "
    line = f"{shape(facts.input_shape)} ({flattened or _LAYOUTS[facts.layout]}{colours})"
    line += f", {whole}values from {significant(box.low, 6)} to {significant(box.high, 6)}"
    statistics = (("mean", facts.mean), ("std", facts.std))
    normalised = [
        " ".join([name, *(significant(value, 4) for value in values)]) for name, values in statistics if values
    ]
    if normalised:
        line += f", normalised by {' and '.join(normalised)}"
    return line if facts.fixed_batch is None else f"{line}, batches of exactly {facts.fixed_batch}"
