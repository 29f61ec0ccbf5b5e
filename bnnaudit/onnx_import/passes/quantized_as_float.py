"""Quantized tensors as floats that hold whole numbers, so that gradients pass through what happens between quantizers.

In a graph with quantizers every value of a short type (eight-bit integers and the like) becomes a float, and so do the
32-bit sums of integer products and what is made of them; the operators learn the type they quantize to as an attribute.
Where the graph takes or returns such a type it is converted at the border.
"""

from __future__ import annotations

import numpy as np
from onnx import NodeProto, TensorProto, helper

from bnnaudit.onnx_import.graph.element_types import SHORT, WHOLE
from bnnaudit.onnx_import.graph.graph import (
    FLOATS,
    OWN_DOMAIN,
    SHAPES_ONLY,
    STANDARD_DOMAIN,
    Graph,
    attribute,
    qualified_name,
)

# The attribute that holds the TensorProto type which a node quantizes to.
QUANTIZES_TO = "quantizes_to"

RELEASE, HOLD, TRUNCATE = "Release", "Hold", "Truncate"

# Where each operator has the zero point of its result, whose type is that of the result, and where its data.
ZERO_POINTS: dict[str, tuple[int, int]] = {
    "QuantizeLinear": (2, -1),
    "QLinearConv": (7, 0),
    "QLinearMatMul": (7, 0),
    "com.microsoft.QuantizeLinear": (2, -1),
    "com.microsoft.QLinearAdd": (7, 0),
    "com.microsoft.QLinearMul": (7, 0),
    "com.microsoft.QLinearAveragePool": (4, 0),
    "com.microsoft.QLinearGlobalAveragePool": (4, 0),
    "com.microsoft.QLinearLeakyRelu": (4, 0),
    "com.microsoft.QLinearSigmoid": (4, 0),
    "com.microsoft.QLinearSoftmax": (4, 0),
    "com.microsoft.QLinearConcat": (1, 2),
    "com.microsoft.QLinearWhere": (8, 1),
    "com.microsoft.QLinearReduceMean": (4, 0),
    "com.microsoft.QGemm": (8, 0),
}

# Operators whose 32-bit results are sums of products of short numbers.
SUMS = frozenset({"ConvInteger", "MatMulInteger"})

# Quantizers that have no type of their own to learn, but whose results are short all the same.
OTHERS = frozenset({"DequantizeLinear", "DynamicQuantizeLinear", "com.microsoft.DequantizeLinear"})

QUANTIZED = frozenset({*ZERO_POINTS, *SUMS, *OTHERS})

# Types of whole numbers that scores are cast to.
RETURNED = frozenset({TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16, TensorProto.INT32})

# Operators that make numbers of the kind they take: what they make of carried numbers is carried.
KEEPING = frozenset(
    [
        "Abs",
        "Add",
        "Cast",
        "Clip",
        "Concat",
        "CumSum",
        "DepthToSpace",
        "Div",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Identity",
        "MatMul",
        "Max",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "Pad",
        "ReduceMax",
        "ReduceMin",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Sign",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Squeeze",
        "Sub",
        "Sum",
        "Tile",
        "Transpose",
        "Unsqueeze",
        "Where",
    ]
)


def carry(graph: Graph) -> None:
    """Let floats carry the quantized tensors of a graph with known types.

    A graph without quantizers, which casts no floats to the whole numbers that it returns, stays as it is.
    """
    cast = _cast_outputs(graph)
    if not cast and not any(qualified_name(node) in QUANTIZED for node in graph.nodes):
        return
    _learn_types(graph)
    held = _held_values(graph) | cast
    _convert_casts(graph, held)
    _release_outputs(graph, held)
    _hold_inputs(graph)
    for name, tensor in graph.initializers.items():
        if tensor.data_type in SHORT:
            graph.add_constant(name, np.asarray(graph.constant(name)).astype(np.float32))
    for info in (*graph.proto.value_info, *graph.proto.output):
        if info.name in held:
            info.type.tensor_type.elem_type = TensorProto.FLOAT
    graph.reindex()


def quantized_type(graph: Graph, node: NodeProto) -> int:
    """The type that a node quantizes to, 0 where it is none of `ZERO_POINTS`, or returns floats."""
    if qualified_name(node) not in ZERO_POINTS:
        return 0
    for position in ZERO_POINTS[qualified_name(node)]:
        name = node.input[position] if 0 <= position < len(node.input) else ""
        if name and (found := graph.element_type(name)) in SHORT:
            if node.op_type == "QGemm" and not any(node.input[7:]):
                return 0
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
        way, value = [info.name], info.name
        while (node := graph.maker(value)) is not None and node.op_type in SHAPES_ONLY:
            value = node.input[0]
            way.append(value)
        if node is not None and node.domain == STANDARD_DOMAIN and node.op_type == "Cast":
            given, made = graph.element_type(node.input[0]), int(attribute(node, "to"))
            if given in FLOATS and made in RETURNED and all(len(graph.users(name)) < 2 for name in way):
                found.update(way)
    return found


def _held_values(graph: Graph) -> set[str]:
    """The computed values that floats will carry."""
    held: set[str] = set()
    returned = {info.name: info.type.tensor_type.elem_type for info in graph.proto.output}
    for node in graph.nodes:
        carried_input = any(name in held for name in node.input)
        keeps = node.domain == STANDARD_DOMAIN and node.op_type in KEEPING and carried_input
        for name in node.output:
            kind = returned.get(name) or graph.element_type(name)
            if kind in SHORT or (kind in WHOLE and (keeps or qualified_name(node) in SUMS)):
                held.add(name)
    return held


def _convert_casts(graph: Graph, held: set[str]) -> None:
    """A Cast to a short type, and a Cast or Div of carried numbers to whole ones, truncates in floats."""
    for node in list(graph.nodes):
        if node.domain != STANDARD_DOMAIN or node.output[0] not in held:
            continue
        kind = graph.element_type(node.output[0])
        if node.op_type == "Cast":
            wide = node.input[0] in held and kind not in SHORT
            node.op_type, node.domain = (HOLD if wide else TRUNCATE), OWN_DOMAIN
            del node.attribute[:]
            node.attribute.append(helper.make_attribute(QUANTIZES_TO, kind))
        elif node.op_type == "Div":
            inner = graph.fresh_name(f"{node.output[0]}_quotient")
            settings = {QUANTIZES_TO: kind}
            truncated = helper.make_node(
                TRUNCATE, [inner], [node.output[0]], name=f"{node.name}_whole", domain=OWN_DOMAIN, **settings
            )
            node.output[0] = inner
            graph.replace([node], [node, truncated])


def _release_outputs(graph: Graph, held: set[str]) -> None:
    """What the graph returns has the type that its file says."""
    for info in graph.proto.output:
        if info.name in held:
            returned = graph.fresh_name(f"{info.name}_released")
            kind = info.type.tensor_type.elem_type
            settings = {QUANTIZES_TO: kind}
            graph.nodes.append(helper.make_node(RELEASE, [info.name], [returned], domain=OWN_DOMAIN, **settings))
            info.name = returned
            graph.reindex()


def _hold_inputs(graph: Graph) -> None:
    for info in graph.proto.input:
        if info.type.tensor_type.elem_type in SHORT:
            carried = graph.fresh_name(f"{info.name}_held")
            graph.rename_uses(info.name, carried)
            graph.nodes.insert(0, helper.make_node(HOLD, [info.name], [carried], domain=OWN_DOMAIN))
            graph.reindex()
            known = graph.proto.value_info.add()
            known.CopyFrom(info)
            known.name = carried
            known.type.tensor_type.elem_type = TensorProto.FLOAT
