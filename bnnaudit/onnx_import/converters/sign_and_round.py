"""Steps without a gradient: sign and the roundings, and those that the passes recognise."""

from __future__ import annotations

from collections.abc import Callable

from onnx import NodeProto

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.graph import Graph, attribute
from bnnaudit.onnx_import.graph.own_operators import MODE
from bnnaudit.onnx_import.graph.quantizer_kinds import QuantizerKind
from bnnaudit.onnx_import.operands import call, onto_grid
from bnnaudit.quantization.grids import Grid, RoundingMode
from bnnaudit.quantization.quantizers import BinarySign, Rounding
from bnnaudit.quantization.uniform import GridQuantizer


def binary_sign(node: Node) -> Converted:
    """A binarization of two levels."""
    levels = (float(node.attribute("low")), float(node.attribute("high")))
    threshold, strict = float(node.attribute("threshold")), node.flag("strict")
    return Converted(BinarySign(threshold, levels=levels, strict=strict), node.inputs)


def round_by(node: Node) -> Converted:
    """A rounding with a stated mode for halves."""
    return Converted(Rounding(RoundingMode.parse(str(node.attribute(MODE)))), node.inputs)


def grid_step(node: Node) -> Converted:
    """clip(round(x), low, high): what a clip beside the rounding makes of it anyhow."""
    low, high = float(node.attribute("low")), float(node.attribute("high"))
    scaled = call(lambda values: (values,), node.inputs)
    return onto_grid(Grid.between(low, high), scaled, RoundingMode.parse(str(node.attribute("mode"))))


def described(op: str, bits: int | None = None) -> Callable[[Graph, NodeProto], QuantizerKind]:
    """The description of a step that is the same for every node."""
    kind = QuantizerKind(op, bits)
    return lambda graph, node: kind


def describe_sign(_: Graph, node: NodeProto) -> QuantizerKind:
    """A `binary_sign`."""
    return QuantizerKind(BinarySign.op, BinarySign.bits, float(attribute(node, "low")), float(attribute(node, "high")))


def describe_step(_: Graph, node: NodeProto) -> QuantizerKind:
    """A `grid_step`, with the range that the scale and the shift behind it make of its grid."""
    low, high, scale, shift = (float(attribute(node, name)) for name in ("low", "high", "scale", "shift"))
    ends = sorted((low * scale + shift, high * scale + shift))
    return QuantizerKind(GridQuantizer.op, Grid.between(low, high).bits, ends[0], ends[1])
