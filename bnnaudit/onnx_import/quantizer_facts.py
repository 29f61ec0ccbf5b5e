"""What a quantizer of a lowered graph is for people: its name, its bits, and the range of what it returns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from onnx import NodeProto

from bnnaudit.onnx_import.converters.carrier_casts import Truncation
from bnnaudit.onnx_import.converters.multithreshold import MultiThreshold
from bnnaudit.onnx_import.converters.quantize_linear import DynamicQuantizeLinear
from bnnaudit.onnx_import.converters.sign_and_round import BINARY_SIGN, QUANTIZERS, Kind
from bnnaudit.onnx_import.graph.element_types import GRIDS
from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, Graph, attribute
from bnnaudit.onnx_import.graph.qonnx_domains import QONNX_DOMAINS
from bnnaudit.onnx_import.passes.grid_patterns import GRID_STEP, clip_ends
from bnnaudit.onnx_import.passes.quantized_as_float import QUANTIZES_TO, TRUNCATE, ZERO_POINTS
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.quantizers import BinarySign
from bnnaudit.quantization.uniform import GridQuantizer

# Results are quantized by the scale and zero point at these inputs.
SCALES = {
    name.replace(".", "_"): (zero_point - 1, zero_point) if name != "com.microsoft.QLinearConcat" else (0, 1)
    for name, (zero_point, _) in ZERO_POINTS.items()
}

DYNAMIC = frozenset({"DynamicQuantizeLinear", "com_microsoft_DynamicQuantizeMatMul"})


def quantizer_of(graph: Graph, node: NodeProto) -> Kind | None:
    """What a node of a lowered graph quantizes to; None where it is no quantizer."""
    if node.domain != OWN_DOMAIN:
        return None
    if node.op_type in DYNAMIC:
        return Kind(DynamicQuantizeLinear.op, 8)
    if node.op_type in SCALES:
        return _linear(graph, node)
    if node.op_type == TRUNCATE:
        grid = GRIDS.get(attribute(node, QUANTIZES_TO))
        return Kind(Truncation.op, None if grid is None else grid.bits)
    if node.op_type in _DESCRIBED:
        return _DESCRIBED[node.op_type](graph, node)
    kind = QUANTIZERS.get(node.op_type)
    if kind is not None and node.op_type == BINARY_SIGN:
        return replace(kind, low=float(attribute(node, "low")), high=float(attribute(node, "high")))
    return kind


def _linear(graph: Graph, node: NodeProto) -> Kind | None:
    """A node that knows the type it quantizes to, with the range that its scale and zero point make of that."""
    grid = GRIDS.get(attribute(node, QUANTIZES_TO, 0))
    if grid is None:
        return None
    position, zero_position = SCALES[node.op_type]
    return _kind(graph, node, _clipped(graph, node, grid), position, zero_position)


def _clipped(graph: Graph, node: NodeProto, grid: Grid) -> Grid:
    """The part of a grid that clips behind a quantizer leave: so fewer bits than the type has are written (QCDQ)."""
    users = graph.users(node.output[0])
    ends = [clip_ends(graph, user) for user in users if user.op_type == "Clip"]
    known = [pair for pair in ends if pair is not None]
    if not users or len(known) < len(users) or graph.is_output(node.output[0]):
        return grid
    low, high = max(grid.low, min(pair[0] for pair in known)), min(grid.high, max(pair[1] for pair in known))
    return Grid(bits_between(low, high), low, high) if low < high else grid


def _kind(graph: Graph, node: NodeProto, grid: Grid, position: int, zero_position: int) -> Kind:
    scale, zero_point = _numbers(graph, node, position), _numbers(graph, node, zero_position)
    if scale is None:
        return Kind(GridQuantizer.op, grid.bits)
    zero = np.zeros(1) if zero_point is None else zero_point
    try:
        ends = (grid.low - zero) * scale, (grid.high - zero) * scale
    except ValueError:
        return Kind(GridQuantizer.op, grid.bits)
    return Kind(GridQuantizer.op, grid.bits, float(ends[0].min()), float(ends[1].max()))


def _numbers(graph: Graph, node: NodeProto, position: int) -> np.ndarray | None:
    """The constant at an input as floats; None where there is none."""
    if position >= len(node.input) or not node.input[position]:
        return None
    array = graph.constant(node.input[position])
    return None if array is None or array.size == 0 else np.asarray(array, dtype=np.float64)


def _first(graph: Graph, node: NodeProto, position: int) -> float | None:
    array = _numbers(graph, node, position)
    return None if array is None else float(array.ravel()[0])


def _quant(graph: Graph, node: NodeProto) -> Kind:
    bits = _first(graph, node, 3)
    if bits is None or not 1 <= bits <= 32:
        return Kind(GridQuantizer.op)
    signed, narrow = bool(attribute(node, "signed", 1)), bool(attribute(node, "narrow", 0))
    if bits == 1 and signed:
        return _bipolar(graph, node)
    return _kind(graph, node, Grid.whole(int(bits), signed, narrow), 1, 2)


def _bipolar(graph: Graph, node: NodeProto) -> Kind:
    return replace(_kind(graph, node, Grid(1, -1.0, 1.0), 1, 2), op=BinarySign.op)


def _trunc(graph: Graph, node: NodeProto) -> Kind:
    bits = _first(graph, node, 5 if len(node.input) > 5 else 4)
    return Kind(Truncation.op, None if bits is None else int(bits))


def _float_quant(graph: Graph, node: NodeProto) -> Kind:
    widths = [_first(graph, node, position) for position in (2, 3)]
    known = [int(width) for width in widths if width is not None]
    return Kind(GridQuantizer.op, sum(known) + bool(attribute(node, "signed", 1)) if len(known) == 2 else None)


def _multi_threshold(graph: Graph, node: NodeProto) -> Kind:
    shape = graph.shape(node.input[1])
    if shape is None or len(shape) != 2 or not shape[1]:
        return Kind(MultiThreshold.op)
    scale, low = float(attribute(node, "out_scale", 1.0)), float(attribute(node, "out_bias", 0.0))
    return Kind(MultiThreshold.op, math.ceil(math.log2(shape[1] + 1)), low, low + shape[1] * scale)


def _grid_step(_graph: Graph, node: NodeProto) -> Kind:
    low, high, scale, shift = (float(attribute(node, name)) for name in ("low", "high", "scale", "shift"))
    ends = sorted((low * scale + shift, high * scale + shift))
    return Kind(GridQuantizer.op, bits_between(low, high), ends[0], ends[1])


def bits_between(low: float, high: float) -> int:
    """The bits of a grid of whole numbers from low to high."""
    return math.ceil(math.log2(high - low + 1))


_DESCRIBED: dict[str, Callable[[Graph, NodeProto], Kind]] = {
    GRID_STEP: _grid_step,
    **{
        f"{domain}.{op}".replace(".", "_"): describe
        for domain in QONNX_DOMAINS
        for op, describe in {
            "Quant": _quant,
            "IntQuant": _quant,
            "BipolarQuant": _bipolar,
            "Trunc": _trunc,
            "FloatQuant": _float_quant,
            "MultiThreshold": _multi_threshold,
        }.items()
    },
}
