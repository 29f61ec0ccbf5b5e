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
    """The values that a node of two inputs joins with one number, and that number; None where neither input is one.

    None as well where the number comes in a tensor that makes more of the values than there are.
    """
    first, second = node.input
    for values, other in ((first, second), (second, first)):
        number = splat(graph, other)
        if number is not None:
            return None if _repeats(graph, values, other) else (values, number)
    return None


def _repeats(graph: Graph, values: str, other: str) -> bool:
    """Whether values that are joined with another tensor are repeated along its axes, as far as the shapes are known."""
    given, own = graph.shape(values), graph.shape(other)
    if own is None:
        return False
    if given is None:
        return any(size not in (1, None) for size in own)
    beside = zip(own[::-1], given[::-1], strict=False)
    return len(own) > len(given) or any(size not in (1, None, place) for size, place in beside)


def limits_of(graph: Graph, node: NodeProto, value: str) -> Ends | None:
    """What a Clip, Relu, Min or Max with constants limits a value to, infinite where it does not; None for other nodes."""
    if is_standard(node, "Relu"):
        return (0.0, math.inf) if node.input[0] == value else None
    if is_standard(node, "Min", "Max") and len(node.input) == 2:
        found = with_number(graph, node)
        if found is None or found[0] != value:
            return None
        return (-math.inf, found[1]) if node.op_type == "Min" else (found[1], math.inf)
    return clip_bounds(graph, node) if node.input and node.input[0] == value else None


def clip_bounds(graph: Graph, node: NodeProto | None) -> Ends | None:
    """The ends of a Clip, infinite where it has none; None where it is not a Clip, or an end is not constant."""
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
