"""Which output holds the scores, how many classes it has, and the softmax that is cut off before an attack."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from onnx import NodeProto, ValueInfoProto

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import OutputKind
from bnnaudit.operators.graph import FLOATS, STANDARD_DOMAIN, Graph, attribute

# Operators that keep the values of one image together and as they are.
SHAPES_ONLY = frozenset({"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"})

SOFTMAX = {"Softmax": OutputKind.SOFTMAX, "LogSoftmax": OutputKind.LOG_SOFTMAX}


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """num_classes is None where the file does not tell."""

    name: str
    kind: OutputKind
    num_classes: int | None


def read_output(path: Path, graph: Graph, wish: str | None = None) -> NetworkOutput:
    """The scores of a simplified graph with known shapes: the output `wish`, or the first that can hold them.

    Raises ModelError.
    """
    outputs = list(graph.proto.output)
    if wish is not None:
        outputs = [info for info in outputs if info.name == wish]
        if not outputs:
            raise ModelError(f"{path}: no output {wish!r}; the outputs are: {_names(graph)}")
    scores = [info for info in outputs if _can_be_scores(graph, info)]
    if not scores:
        raise ModelError(f"{path}: {_why_none(graph, outputs)}; {_what_to_do(graph, wish)}")
    name = scores[0].name
    shape = graph.shape(name)
    classes = None if shape is None else _product(shape[1:])
    kind = SOFTMAX[softmax.op_type] if (softmax := _softmax_before(graph, name)) is not None else OutputKind.LOGITS
    return NetworkOutput(name, kind, classes)


def cut_softmax(graph: Graph, output: str) -> None:
    """Let the output be the logits that its softmax would have taken."""
    softmax = _softmax_before(graph, output)
    if softmax is not None:
        softmax.op_type = "Identity"
        del softmax.attribute[:]


def check_classes(path: Path, num_classes: int) -> int:
    """The number of classes, if there are two at least; raises ModelError otherwise."""
    if num_classes < 2:
        raise ModelError(
            f"{path}: the output is {num_classes} score for each image; one score for each class is needed"
        )
    return num_classes


def _can_be_scores(graph: Graph, info: ValueInfoProto) -> bool:
    """Floats, (N, d) once trailing axes of size 1 are left out."""
    if not info.type.HasField("tensor_type") or graph.element_type(info.name) not in FLOATS:
        return False
    if _is_choice(graph, info.name):
        return False
    shape = graph.shape(info.name)
    if shape is None:
        return True
    return len(shape) > 1 and all(size in (1, None) for size in shape[2:])


def _why_none(graph: Graph, outputs: list[ValueInfoProto]) -> str:
    name = outputs[0].name if outputs else ""
    shape, kind = graph.shape(name), graph.element_type(name)
    if _is_choice(graph, name):
        found = "the number of the class that an ArgMax chose"
    elif kind and kind not in FLOATS:
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
    """Whether a value is what an ArgMax returned, in whatever type and shape."""
    while (node := graph.maker(value)) is not None and node.domain == STANDARD_DOMAIN:
        if node.op_type == "ArgMax":
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
