"""How reports describe a quantizer: its name, its bits, and the range of what it returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto

from bnnaudit.onnx_import.graph.element_types import GRIDS, grid_of
from bnnaudit.onnx_import.graph.graph import Graph, attribute, input_at
from bnnaudit.onnx_import.graph.own_operators import HIGHEST, LOWEST, QUANTIZES_TO
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.uniform import GridQuantizer


@dataclass(frozen=True, slots=True)
class QuantizerKind:
    """What reports call a quantizer, and its bits and the range of its results where known."""

    op: str
    bits: int | None = None
    low: float | None = None
    high: float | None = None


def on_grid(graph: Graph, node: NodeProto, grid: Grid, position: int, zero_position: int) -> QuantizerKind:
    """A quantizer to the numbers of a grid, with the range that the scale and the zero point at two inputs make of it."""
    scale, zero_point = _stored_numbers(graph, node, position), _stored_numbers(graph, node, zero_position)
    if scale is None:
        return QuantizerKind(GridQuantizer.op, grid.bits)
    zero = np.zeros(1) if zero_point is None else zero_point
    try:
        ends = (grid.low - zero) * scale, (grid.high - zero) * scale
    except ValueError:
        return QuantizerKind(GridQuantizer.op, grid.bits)
    return QuantizerKind(GridQuantizer.op, grid.bits, float(ends[0].min()), float(ends[1].max()))


def _stored_numbers(graph: Graph, node: NodeProto, position: int) -> NDArray[np.float64] | None:
    """The constant at an input as floats; None where there is none."""
    array = graph.constant(input_at(node, position))
    return None if array is None or array.size == 0 else np.asarray(array, dtype=np.float64)


def grid_of_node(node: NodeProto) -> Grid | None:
    """What a node of a lowered graph quantizes to, as the passes have noted; None where it does not."""
    kind = attribute(node, QUANTIZES_TO, 0)
    return grid_of(kind, attribute(node, LOWEST), attribute(node, HIGHEST)) if kind in GRIDS else None
