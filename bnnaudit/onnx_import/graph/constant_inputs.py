"""Numbers that a graph's values are known to have: splats of one number, and the ends of a Clip."""

from __future__ import annotations

import math

import numpy as np
from onnx import NodeProto, numpy_helper

from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, STANDARD_DOMAIN, Graph, attribute, input_at, is_standard
from bnnaudit.quantization.grids import Ends


def splat(graph: Graph, value: str) -> float | None:
    """The number that every element of a value has; None where they differ or are not constant."""
    array = graph.constant(value)
    if array is not None:
        alike = array.size > 0 and array.dtype.kind in "fiu" and bool(np.all(array == array.flat[0]))
        return float(array.flat[0]) if alike else None
    maker = graph.maker(value)
    if is_standard(maker, "Expand", "Identity", "CastLike"):
        return splat(graph, maker.input[0])
    if is_standard(maker, "Neg"):
        number = splat(graph, maker.input[0])
        return None if number is None else -number
    if is_standard(maker, "ConstantOfShape"):
        stored = attribute(maker, "value")
        return 0.0 if stored is None else float(numpy_helper.to_array(stored).flat[0])
    return None


def with_number(graph: Graph, node: NodeProto) -> tuple[str, float] | None:
    """The values that a node of two inputs joins with one number, and that number; None where neither input is one."""
    first, second = node.input
    for values, other in ((first, second), (second, first)):
        number = splat(graph, other)
        if number is not None:
            return values, number
    return None


def clip_bounds(graph: Graph, node: NodeProto | None) -> Ends | None:
    """The ends of a Clip, infinite where it has none; None where it is none, or an end is no constant."""
    if node is None or node.domain not in (STANDARD_DOMAIN, OWN_DOMAIN) or node.op_type != "Clip":
        return None
    ends = [
        splat(graph, name) if (name := input_at(node, position)) else float(attribute(node, stated, absent))
        for position, stated, absent in ((1, "min", -math.inf), (2, "max", math.inf))
    ]
    return None if ends[0] is None or ends[1] is None else (ends[0], ends[1])


def clip_ends(graph: Graph, node: NodeProto | None) -> Ends | None:
    """The ends of a Clip that has two constant ones; None where it is none."""
    ends = clip_bounds(graph, node)
    return ends if ends is not None and math.isfinite(ends[0]) and math.isfinite(ends[1]) else None
