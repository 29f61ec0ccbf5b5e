"""Quantized tensors as floats that hold whole numbers, so that gradients pass through what happens between quantizers.

In a graph with quantizers every value of a short type (eight-bit integers and the like) becomes a float, and so do the
32-bit sums of integer products and what is made of them; the operators learn the type they quantize to as an attribute.
Where the graph takes or returns such a type it is converted.
"""

from __future__ import annotations

import numpy as np
from onnx import NodeProto, TensorProto, helper

from bnnaudit.onnx_import.graph.element_types import SHORT, WHOLE
from bnnaudit.onnx_import.graph.graph import (
    FLOATS,
    SHAPES_ONLY,
    STANDARD_DOMAIN,
    Graph,
    attribute,
    input_at,
    is_standard,
    make_own,
    own_node,
)
from bnnaudit.onnx_import.graph.own_operators import FROM_FLOAT, QUANTIZES_TO, TO_FLOAT, TRUNCATE
from bnnaudit.onnx_import.operators import spec_of

RETURNED = frozenset({TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16, TensorProto.INT32})
"""Types of whole numbers that scores are cast to."""

CALCULATING = frozenset(
    {"Abs", "Add", "CumSum", "Div", "MatMul", "Mod", "Mul", "Neg", "ReduceSum", "Sign", "Sub", "Sum"}
)
LIMITING = frozenset({"Cast", "Clip", "Max", "Min", "ReduceMax", "ReduceMin", "Relu"})
CHOOSING = frozenset({"Gather", "GatherElements", "GatherND", "Slice", "Split", "Where"})
MOVING = frozenset({"Concat", "DepthToSpace", "Expand", "Pad", "SpaceToDepth", "Tile", "Transpose"})
KEEPING = SHAPES_ONLY | CALCULATING | LIMITING | CHOOSING | MOVING
"""Operators that make numbers of the kind they take: what they make of floats that hold quantized numbers is of that kind."""


def hold_in_floats(graph: Graph, float_outputs: bool = False) -> None:
    """Let floats hold the quantized tensors of a graph with known types.

    A graph without quantizers, which casts no floats to the whole numbers that it returns, stays as it is. float_outputs:
    the graph returns such floats as they are, through which a gradient can come back, and not the type of its file.
    """
    cast = _cast_outputs(graph)
    if not cast and not any(spec_of(node).is_quantized for node in graph.nodes):
        return
    _learn_types(graph)
    held = _held_values(graph) | cast
    _convert_casts(graph, held)
    if not float_outputs:
        _convert_outputs(graph, held)
    _convert_inputs(graph)
    for name, tensor in graph.initializers.items():
        if tensor.data_type in SHORT:
            graph.add_constant(name, np.asarray(graph.constant(name)).astype(np.float32))
    for info in (*graph.proto.value_info, *graph.proto.output):
        if info.name in held:
            info.type.tensor_type.elem_type = TensorProto.FLOAT
    graph.reindex()


def quantized_type(graph: Graph, node: NodeProto) -> int:
    """The type that a node quantizes to, 0 where it is not a quantizer with a scale and a zero point, or returns floats."""
    spec = spec_of(node)
    if spec.zero_point is None or not input_at(node, spec.zero_point - 1):
        return 0
    for position in (spec.zero_point, spec.data):
        name = input_at(node, position)
        if name and (found := graph.element_type(name)) in SHORT:
            return found
    return int(attribute(node, "output_dtype", 0)) or int(TensorProto.UINT8)


def _learn_types(graph: Graph) -> None:
    for node in graph.nodes:
        found = quantized_type(graph, node)
        if found:
            node.attribute.append(helper.make_attribute(QUANTIZES_TO, found))


def _cast_outputs(graph: Graph) -> set[str]:
    """The whole numbers that the graph returns and casts floats to, from the cast on, with all that reshapes them behind it."""
    found: set[str] = set()
    for info in graph.proto.output:
        names, value = [info.name], info.name
        while (node := graph.maker(value)) is not None and node.op_type in SHAPES_ONLY and node.input:
            value = node.input[0]
            names.append(value)
        if is_standard(node, "Cast"):
            given, made = graph.element_type(node.input[0]), int(attribute(node, "to"))
            if given in FLOATS and made in RETURNED and all(len(graph.users(name)) < 2 for name in names):
                found.update(names)
    return found


def _held_values(graph: Graph) -> set[str]:
    """The computed values that floats will hold."""
    held: set[str] = set()
    returned = {info.name: info.type.tensor_type.elem_type for info in graph.proto.output}
    for node in graph.nodes:
        takes_held = any(name in held for name in node.input)
        keeps = is_standard(node, *KEEPING) and takes_held
        for name in node.output:
            kind = returned.get(name) or graph.element_type(name)
            if kind in SHORT or (kind in WHOLE and (keeps or spec_of(node).sums_integers)):
                held.add(name)
    return held


def _convert_casts(graph: Graph, held: set[str]) -> None:
    """A Cast to a short type, and a Cast or Div of held numbers to whole ones, truncates in floats."""
    for node in list(graph.nodes):
        if node.domain != STANDARD_DOMAIN or node.output[0] not in held:
            continue
        kind = graph.element_type(node.output[0])
        if node.op_type == "Cast":
            wide = node.input[0] in held and kind not in SHORT
            make_own(node, TO_FLOAT if wide else TRUNCATE, **{QUANTIZES_TO: kind})
        elif node.op_type == "Div":
            inner = graph.fresh_name(f"{node.output[0]}_quotient")
            truncated = own_node(TRUNCATE, [inner], [node.output[0]], f"{node.name}_whole", **{QUANTIZES_TO: kind})
            node.output[0] = inner
            graph.replace([node], [node, truncated])


def _convert_outputs(graph: Graph, held: set[str]) -> None:
    """What the graph returns has the type that its file says."""
    for info in graph.proto.output:
        if info.name in held:
            returned = graph.fresh_name(f"{info.name}_as_stored")
            kind = info.type.tensor_type.elem_type
            graph.append(own_node(FROM_FLOAT, [info.name], [returned], **{QUANTIZES_TO: kind}))
            graph.rename_output(info, returned)


def _convert_inputs(graph: Graph) -> None:
    for info in graph.proto.input:
        if info.type.tensor_type.elem_type in SHORT:
            held = graph.fresh_name(f"{info.name}_as_float")
            graph.rename_uses(info.name, held)
            graph.nodes.insert(0, own_node(TO_FLOAT, [info.name], [held]))
            graph.reindex()
            known = graph.proto.value_info.add()
            known.CopyFrom(info)
            known.name = held
            known.type.tensor_type.elem_type = TensorProto.FLOAT


def recognise_truncations(graph: Graph) -> None:
    """Let floats hold the result of every Cast from floats to whole numbers whose users all cast it back to floats."""
    for node in graph.nodes:
        if not is_standard(node, "Cast") or graph.element_type(node.input[0]) not in FLOATS:
            continue
        kind, made = attribute(node, "to"), node.output[0]
        users = graph.users(made)
        back = users and all(is_standard(user, "Cast") and attribute(user, "to") in FLOATS for user in users)
        if kind not in SHORT | WHOLE or not back or graph.is_output(made):
            continue
        make_own(node, TRUNCATE, **{QUANTIZES_TO: kind})
        for info in graph.proto.value_info:
            if info.name == made:
                info.type.tensor_type.elem_type = TensorProto.FLOAT
