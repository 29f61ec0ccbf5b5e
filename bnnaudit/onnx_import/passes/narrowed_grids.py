"""Quantizers whose numbers are limited to fewer than their type has, as one quantizer to the numbers that are left.

ONNX had no types below eight bits for long, and runtimes still have few operators for them, so that 2 bits are written as
QuantizeLinear -> Clip -> DequantizeLinear (QCDQ, the form of Brevitas). Taken by itself that quantizer has 256 levels, and the
surrogates for grids of few levels pass it by. The values stay as they are: bringing a whole number to the ends of its type
first and to those of a clip then is the same as bringing it to those that lie further inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from bnnaudit.onnx_import.graph.constant_inputs import limits_of
from bnnaudit.onnx_import.graph.element_types import GRIDS, HALVES
from bnnaudit.onnx_import.graph.graph import SHAPES_ONLY, Graph, attribute, input_at, is_standard
from bnnaudit.onnx_import.graph.own_operators import HIGHEST, LOWEST
from bnnaudit.onnx_import.operators import spec_of
from bnnaudit.onnx_import.passes.quantized_as_float import quantized_type
from bnnaudit.quantization.grids import MOST_BETWEEN, Ends, Grid
from bnnaudit.quantization.surrogates import FEW_LEVELS

EXACT: dict[int, Ends] = {
    **{kind: (grid.low, grid.high) for kind, grid in GRIDS.items() if grid.mantissa is None},
    TensorProto.INT32: (-(2.0**31), 2.0**31 - 1),
    TensorProto.UINT32: (0.0, 2.0**32 - 1),
    TensorProto.INT64: (-(2.0**63), 2.0**63),
    TensorProto.UINT64: (0.0, 2.0**64),
    TensorProto.FLOAT: (-(2.0**24), 2.0**24),
    TensorProto.DOUBLE: (-(2.0**53), 2.0**53),
    TensorProto.FLOAT16: (-(2.0**11), 2.0**11),
    TensorProto.BFLOAT16: (-(2.0**8), 2.0**8),
}
"""Between which ends a type has every whole number."""

KEEPING_RANGE = SHAPES_ONLY | {"MaxPool", "Transpose"}
"""Operators whose results lie within the range of their first input."""


@dataclass(frozen=True, slots=True)
class _Limited:
    """What a row of nodes behind a quantizer leaves of its numbers, and the value, of the quantizer's type, that it ends in."""

    low: float
    high: float
    value: str


def narrow_grids(graph: Graph) -> None:
    """Let quantizers learn what is left of their grids, and remove what limited the numbers between them and their users.

    What limits floats before a quantizer stays, as it has a gradient of its own, and counts only where it leaves few levels:
    an int8 quantizer behind a Relu is one of 8 bits all the same.
    """
    for node in list(graph.nodes):
        grid = GRIDS.get(quantized_type(graph, node))
        if grid is None or grid.mantissa is not None:
            continue
        low, high = _left_behind(graph, node, grid)
        before = _left_before(graph, node, low, high)
        if before is not None and before[1] - before[0] < FEW_LEVELS <= high - low:
            low, high = before
        if (low, high) != (grid.low, grid.high):
            node.attribute.extend([helper.make_attribute(LOWEST, low), helper.make_attribute(HIGHEST, high)])
    graph.drop_dead()


def _left_behind(graph: Graph, node: NodeProto, grid: Grid) -> Ends:
    """The ends that all users of a quantizer together leave of its numbers, once they are told to take these as they come."""
    made, kind = node.output[0], quantized_type(graph, node)
    rows = [_limited(graph, user, made, kind, grid) for user in graph.users(made)]
    known = [row for row in rows if row is not None]
    if not known or len(known) < len(rows) or graph.is_output(made):
        return grid.low, grid.high
    low, high = min(row.low for row in known), max(row.high for row in known)
    for row in known:
        if (row.low, row.high) == (low, high):
            graph.rename_uses(row.value, made)
    return low, high


def _limited(graph: Graph, user: NodeProto, value: str, kind: int, grid: Grid) -> _Limited | None:
    """What a row of clips and casts that begins with `user`, which takes a quantizer's result, leaves of its numbers."""
    found, low, high, current = None, grid.low, grid.high, kind
    node: NodeProto | None = user
    while node is not None:
        if is_standard(node, "Cast"):
            current = attribute(node, "to")
            least, most = EXACT.get(current, (0.0, 0.0))
            if low < least or high > most:
                return found
        else:
            ends = _whole_limits(graph, node, value)
            if ends is None or max(low, ends[0]) >= min(high, ends[1]):
                return found
            low, high = max(low, ends[0]), min(high, ends[1])
        value = node.output[0]
        if current == kind:
            found = _Limited(low, high, value)
        users = graph.users(value)
        node = users[0] if len(users) == 1 and not graph.is_output(value) else None
    return found


def _whole_limits(graph: Graph, node: NodeProto, value: str) -> Ends | None:
    """What a node limits `value` to; None where it does not, or where an end is not a whole number."""
    ends = limits_of(graph, node, value)
    whole = ends is not None and all(math.isinf(end) or end % 1 == 0 for end in ends)
    return ends if whole else None


def _left_before(graph: Graph, node: NodeProto, low: float, high: float) -> Ends | None:
    """The ends, within low..high, that a limit of the floats before a QuantizeLinear leaves of its numbers; None without any."""
    values = input_at(node, 0)
    plain = graph.element_type(values) == TensorProto.FLOAT and attribute(node, "precision", 0) not in HALVES
    if not plain or not spec_of(node).quantizes:
        return None
    limits, scale = _range(graph, values), graph.constant(input_at(node, 1))
    zero_point = graph.constant(input_at(node, 2)) if input_at(node, 2) else np.zeros(1)
    if limits is None or not limits[0] <= limits[1] or scale is None or zero_point is None:
        return None
    if scale.dtype != np.float32 or not _are_plain(scale) or zero_point.size not in (1, scale.size):
        return None
    # Divided and rounded as a value that lies on an end will be, so that no value passes it.
    with np.errstate(over="ignore"):
        least, most = (np.rint(np.float32(end) / scale.ravel()).astype(np.float64) for end in limits)
    shift = np.asarray(zero_point, dtype=np.float64).ravel()
    ends = max(low, float((least + shift).min())), min(high, float((most + shift).max()))
    return ends if ends[0] < ends[1] else None


def _are_plain(scale: NDArray[Any]) -> bool:
    """Whether there are scales, and all are positive and finite, so that larger values make no smaller numbers."""
    return scale.size > 0 and bool(np.all((scale > 0) & np.isfinite(scale)))


def _range(graph: Graph, value: str) -> Ends | None:
    """The range that the nearest limit before a value leaves it, of which no end need be finite; None where there is none."""
    for _ in range(MOST_BETWEEN + 1):
        node = graph.maker(value)
        if node is None or not node.input:
            return None
        ends = next((ends for name in node.input[:2] if (ends := limits_of(graph, node, name)) is not None), None)
        if ends is not None or not is_standard(node, *KEEPING_RANGE):
            return ends
        value = node.input[0]
    return None
