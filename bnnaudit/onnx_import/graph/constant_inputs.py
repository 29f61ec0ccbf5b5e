"""Numbers that a graph's values are known to have: splats of one number, and the ends of a Clip."""

from __future__ import annotations

import math

import numpy as np
from onnx import NodeProto, numpy_helper

from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, STANDARD_DOMAIN, Graph, attribute

Ends = tuple[float, float]


def splat(graph: Graph, value: str) -> float | None:
    """The number that every element of a value has; None where they differ or are not constant."""
    array = graph.constant(value)
    if array is not None:
        alike = array.size > 0 and array.dtype.kind in "fiu" and bool(np.all(array == array.flat[0]))
        return float(array.flat[0]) if alike else None
    maker = graph.maker(value)
    if maker is None or maker.domain != STANDARD_DOMAIN:
        return None
    if maker.op_type in ("Expand", "Identity", "CastLike"):
        return splat(graph, maker.input[0])
    if maker.op_type == "Neg":
        number = splat(graph, maker.input[0])
        return None if number is None else -number
    if maker.op_type == "ConstantOfShape":
        stored = attribute(maker, "value")
        return 0.0 if stored is None else float(numpy_helper.to_array(stored).flat[0])
    return None


def clip_ends(graph: Graph, node: NodeProto | None) -> Ends | None:
    """The constant ends of a Clip; None where it is none."""
    if node is None or node.domain not in (STANDARD_DOMAIN, OWN_DOMAIN) or node.op_type != "Clip":
        return None
    if len(node.input) < 3:
        low, high = attribute(node, "min"), attribute(node, "max")
    else:
        low, high = splat(graph, node.input[1]), splat(graph, node.input[2])
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return None
    return float(low), float(high)
