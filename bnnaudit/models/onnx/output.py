"""Which output holds the scores, how many classes it has, and the softmax that is removed before an attack."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from onnx import NodeProto, TensorProto, ValueInfoProto

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import OutputKind
from bnnaudit.models.score_tensor.form import EVERY_CLASS, ScoreForm, SingleScore
from bnnaudit.onnx_import.graph.graph import FLOATS, SHAPES_ONLY, STANDARD_DOMAIN, Graph, attribute
from bnnaudit.onnx_import.operators import spec_of

SOFTMAX = {"Softmax": OutputKind.SOFTMAX, "LogSoftmax": OutputKind.LOG_SOFTMAX}
SCORE_TYPES = FLOATS | {TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16, TensorProto.INT32}
"""What scores may be: floats, or the whole numbers of quantizers and of sums of them. Choices come in INT64."""
CHOICES = frozenset({"ArgMax", "ArgMin", "TopK"})
"""Operators that return the number of a class that was chosen."""
KEEPING = SHAPES_ONLY | {"Cast", "Clip", "QuantizeLinear", "DequantizeLinear", "Gather", "Slice"}
"""Operators of one tensor that keep a number between 0 and 1 where it is or nearly so."""


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """num_classes is None where the file does not say; form: what the numbers are."""

    name: str
    kind: OutputKind
    num_classes: int | None
    form: ScoreForm = EVERY_CLASS


def read_output(path: Path, graph: Graph, wish: str | None = None, fixed_batch: int | None = None) -> NetworkOutput:
    """The scores of a simplified graph with known shapes: the output `wish`, or the first that can hold them.

    A single score for each image stands for two classes. fixed_batch: the number of images that the graph insists on.
    Raises ModelError.
    """
    outputs = list(graph.proto.output)
    if wish is not None:
        outputs = [info for info in outputs if info.name == wish]
        if not outputs:
            raise ModelError(f"{path}: no output {wish!r}; the outputs are: {_names(graph)}")
    scores = [info for info in outputs if _can_be_scores(graph, info, fixed_batch)]
    if not scores:
        raise ModelError(f"{path}: {_why_none(graph, outputs)}; {_what_to_do(graph, wish)}")
    # A single number beside a row of scores is more likely a loss or a confidence.
    sizes = {info.name: _scores_of_an_image(graph, info.name, fixed_batch) for info in scores}
    name = next((name for name, size in sizes.items() if size != 1), scores[0].name)
    return of_width(graph, NetworkOutput(name, OutputKind.LOGITS, sizes[name]))


def of_width(graph: Graph, output: NetworkOutput, width: int | None = None) -> NetworkOutput:
    """The output with its kind and form, once it is known how many numbers it holds for each image."""
    name, classes = output.name, width or output.num_classes
    if classes == 1:
        return NetworkOutput(name, OutputKind.LOGITS, 2, _single_form(graph, name))
    kind = SOFTMAX[softmax.op_type] if (softmax := _softmax_before(graph, name)) is not None else OutputKind.LOGITS
    return NetworkOutput(name, kind, classes)


def cut_softmax(graph: Graph, output: str) -> None:
    """Let the output be the logits that its softmax would have taken."""
    softmax = _softmax_before(graph, output)
    if softmax is not None:
        softmax.op_type = "Identity"
        del softmax.attribute[:]


def _single_form(graph: Graph, output: str) -> ScoreForm:
    """How the one number of an image is read: behind a sigmoid it is the second class's probability, else its logit.

    Whole numbers are read by the scale and the zero point of the quantizer that makes them.
    """
    scale, zero_point = _quantized_by(graph, output)
    return ScoreForm(SingleScore.PROBABILITY if _is_squashed(graph, output) else SingleScore.LOGIT, scale, zero_point)


def _can_be_scores(graph: Graph, info: ValueInfoProto, fixed_batch: int | None) -> bool:
    """Numbers, (N, d) once other axes of size 1 are left out, or (N,)."""
    if not info.type.HasField("tensor_type") or graph.element_type(info.name) not in SCORE_TYPES:
        return False
    if _is_choice(graph, info.name):
        return False
    shape = graph.shape(info.name)
    if shape is None:
        return True
    if len(shape) < 2:
        return len(shape) == 1 or fixed_batch == 1
    return sum(size not in (1, None) for size in shape[1:]) <= 1


def _scores_of_an_image(graph: Graph, name: str, fixed_batch: int | None) -> int | None:
    """How many numbers the output holds for each image; None where the file does not say.

    A vector holds one for each of a batch, unless the batch is always of one image: then it is that image's row.
    """
    shape = graph.shape(name)
    if shape is None:
        return None
    if len(shape) > 1:
        return _product(shape[1:])
    return (_product(shape) if shape else 1) if fixed_batch == 1 else 1


def _is_squashed(graph: Graph, output: str) -> bool:
    """Whether a value is what a sigmoid returned, in whatever type and shape, or is kept between 0 and 1 by being written out."""
    value = output
    while (node := graph.maker(value)) is not None and node.op_type in KEEPING and node.input:
        value = node.input[0]
    if node is None:
        return False
    return spec_of(node).squashes or _is_written_sigmoid(graph, node)


def _is_written_sigmoid(graph: Graph, node: NodeProto) -> bool:
    """Whether a node is the last of 1 / (1 + exp(-z)), by Div or by Reciprocal."""
    if node.op_type not in ("Div", "Reciprocal") or not node.input:
        return False
    if node.op_type == "Div" and graph.number(node.input[0]) != 1:
        return False
    below = graph.maker(node.input[-1])
    if below is None or below.op_type != "Add" or not any(graph.number(name) == 1 for name in below.input):
        return False
    makers = [graph.maker(name) for name in below.input]
    return any(maker is not None and maker.op_type == "Exp" for maker in makers)


def _quantized_by(graph: Graph, output: str) -> tuple[float, float]:
    """Scale and zero point of an output of whole numbers; (1, 0) for floats, and where the file does not tell them."""
    value = output
    if graph.element_type(output) in FLOATS:
        return 1.0, 0.0
    while (node := graph.maker(value)) is not None and node.op_type in SHAPES_ONLY and node.input:
        value = node.input[0]
    if node is None or len(node.input) < 2:
        return 1.0, 0.0
    stored = [graph.constant(name) for name in node.input if name]
    scales = [array for array in stored if array is not None and array.size == 1 and array.dtype.kind == "f"]
    zeros = [array for array in stored if array is not None and array.size == 1 and array.dtype.kind in "iu"]
    scale = float(scales[-1].reshape(-1)[0]) if scales else 1.0
    return scale, float(zeros[-1].reshape(-1)[0]) if zeros else 0.0


def _why_none(graph: Graph, outputs: list[ValueInfoProto]) -> str:
    name = outputs[0].name if outputs else ""
    shape, kind = graph.shape(name), graph.element_type(name)
    if _is_choice(graph, name):
        found = "the number of the class that an ArgMax chose"
    elif kind and kind not in SCORE_TYPES:
        found = "whole numbers, as an ArgMax returns"
    elif shape is not None:
        found = f"shape {tuple('?' if size is None else size for size in shape)}"
    else:
        found = "no tensor"
    return f"output {name!r} holds {found}, not one score for each class"


def _what_to_do(graph: Graph, wish: str | None) -> str:
    export = "export the model with scores as (batch, classes)"
    others = len(graph.proto.output) > 1
    return f"name another output with --output-name ({_names(graph)}), or {export}" if wish and others else export


def _is_choice(graph: Graph, value: str) -> bool:
    """Whether a value is the number of a class that was chosen, in whatever type and shape."""
    while (node := graph.maker(value)) is not None and node.domain == STANDARD_DOMAIN:
        if node.op_type in CHOICES and (node.op_type != "TopK" or value == node.output[1]):
            return True
        if node.op_type not in SHAPES_ONLY | {"Cast"}:
            return False
        value = node.input[0]
    return False


def _names(graph: Graph) -> str:
    return ", ".join(repr(info.name) for info in graph.proto.output)


def _softmax_before(graph: Graph, output: str) -> NodeProto | None:
    """The softmax over the classes whose values the output is, reshaped at most."""
    value = output
    while (node := graph.maker(value)) is not None and node.domain == STANDARD_DOMAIN:
        if node.op_type in SOFTMAX:
            return node if _over_classes(graph, node) else None
        if node.op_type not in SHAPES_ONLY:
            return None
        value = node.input[0]
    return None


def _over_classes(graph: Graph, softmax: NodeProto) -> bool:
    """Whether a softmax normalises over all values of an image, and so keeps their order."""
    together = graph.opset < 13
    axis = int(attribute(softmax, "axis", 1 if together else -1))
    shape = graph.shape(softmax.input[0])
    if shape is None:
        return axis in (1, -1)
    place = axis % len(shape)
    normalised = _product(shape[place:]) if together else shape[place]
    whole = _product(shape[1:])
    return place > 0 and (normalised == whole if whole is not None else place == 1 and len(shape) == 2)


def _product(sizes: tuple[int | None, ...]) -> int | None:
    known = [size for size in sizes if size is not None]
    return math.prod(known) if len(known) == len(sizes) else None
