"""Roundings and clips written with several nodes, recognised as the one step that they are.

`floor(x + 0.5)` rounds as `Round` does but for halves, and is what people and converters write where there is no Round, or
where halves must go up. Taken by itself its Floor would be a step of its own kind, without a grid.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import NodeProto, TensorProto, helper

from bnnaudit.onnx_import.graph.constant_inputs import splat, with_number
from bnnaudit.onnx_import.graph.graph import Graph, attribute, is_standard, own_node
from bnnaudit.onnx_import.graph.own_operators import MODE, ROUND_BY
from bnnaudit.quantization.grids import RoundingMode

HALVES = {("Floor", 0.5): RoundingMode.HALF_CEIL, ("Ceil", -0.5): RoundingMode.HALF_FLOOR}
"""What a Floor or a Ceil is behind a shift."""

CLIP_BY_INPUTS = 11
"""The operator set from which on Clip takes its ends as inputs."""


def recognise_roundings(graph: Graph) -> None:
    """Replace what `SPELLINGS` lists by one rounding of our own each, the longer ones first."""
    for spelling in SPELLINGS:
        for node in list(graph.nodes):
            found = spelling(graph, node)
            if found is None:
                continue
            graph.replace([node], [own_node(ROUND_BY, [found[0]], node.output, node.name, **{MODE: str(found[1])})])
    graph.drop_dead()


def recognise_clips(graph: Graph) -> None:
    """Replace every Min of a Max (or a Relu) by constants, and every Max of a Min, by one Clip."""
    for node in list(graph.nodes):
        upper = _bounded(graph, node)
        maker = None if upper is None else graph.maker(upper[0])
        inner = None if maker is None else _bounded(graph, maker)
        if (
            upper is None
            or inner is None
            or maker is None
            or {node.op_type, maker.op_type} in ({"Min"}, {"Max"}, {"Relu"})
        ):
            continue
        low, high = (upper[1], inner[1]) if node.op_type != "Min" else (inner[1], upper[1])
        if low < high and graph.element_type(inner[0]) == TensorProto.FLOAT:
            graph.replace([node], [_clip(graph, node, inner[0], low, high)])
    graph.drop_dead()


def _rounding(graph: Graph, node: NodeProto) -> tuple[str, RoundingMode] | None:
    """What a Floor or a Ceil of shifted values rounds, and how it decides halves."""
    if not is_standard(node, "Floor", "Ceil"):
        return None
    shifted = _shifted(graph, node.input[0])
    mode = None if shifted is None else HALVES.get((node.op_type, shifted[1]))
    return None if shifted is None or mode is None else (shifted[0], mode)


def _shifted(graph: Graph, value: str) -> tuple[str, float] | None:
    """x and c where `value` is x + c or x - (-c) for a number c."""
    node = graph.made_by(value, "Add", "Sub")
    found = None if node is None else with_number(graph, node)
    if node is None or found is None or node.op_type == "Add":
        return found
    return (found[0], -found[1]) if found[0] == node.input[0] else None


def _away_from_zero(graph: Graph, node: NodeProto) -> tuple[str, RoundingMode] | None:
    """Sign(x) * Floor(|x| + 0.5): halves go away from zero."""
    if not is_standard(node, "Mul"):
        return None
    for one, other in (tuple(node.input), tuple(node.input)[::-1]):
        sign, size = graph.made_by(one, "Sign"), graph.maker(other)
        found = None if size is None else _rounding(graph, size)
        source = None if found is None else graph.made_by(found[0], "Abs")
        if found is None or source is None or sign is None:
            continue
        if found[1] is RoundingMode.HALF_CEIL and source.input[0] == sign.input[0]:
            return source.input[0], RoundingMode.HALF_UP
    return None


def _less_its_fraction(graph: Graph, node: NodeProto) -> tuple[str, RoundingMode] | None:
    """x - fmod(x, 1): towards zero."""
    rest = graph.made_by(node.input[1], "Mod") if is_standard(node, "Sub") else None
    if rest is None or not attribute(rest, "fmod", 0) or rest.input[0] != node.input[0]:
        return None
    return (node.input[0], RoundingMode.DOWN) if splat(graph, rest.input[1]) == 1 else None


Spelling = Callable[[Graph, NodeProto], tuple[str, RoundingMode] | None]

SPELLINGS: tuple[Spelling, ...] = (_away_from_zero, _rounding, _less_its_fraction)
"""Roundings written with several nodes: each gives what the last node rounds, and how."""


def _bounded(graph: Graph, node: NodeProto) -> tuple[str, float] | None:
    """The values that a Min, a Max or a Relu bounds, and the number that bounds them."""
    if is_standard(node, "Relu"):
        return node.input[0], 0.0
    if not is_standard(node, "Min", "Max") or len(node.input) != 2:
        return None
    return with_number(graph, node)


def _clip(graph: Graph, node: NodeProto, values: str, low: float, high: float) -> NodeProto:
    if graph.opset < CLIP_BY_INPUTS:
        return helper.make_node("Clip", [values], list(node.output), name=node.name, min=low, max=high)
    ends = [
        graph.add_constant(graph.fresh_name(f"{node.output[0]}_{end}"), np.asarray(number, np.float32))
        for end, number in (("low", low), ("high", high))
    ]
    return helper.make_node("Clip", [values, *ends], list(node.output), name=node.name)
