"""Stored integers that several nodes share, given to each as a copy of its own.

With session.x64quantprecision ONNX Runtime (1.32 at least) turns int8 weights and their zero points into uint8, and adds the
new zero point again for every layer that uses it: a file in which two weights share one cannot be loaded so. tf2onnx and
tools that merge equal initializers write such files. Nor can one in which two layers take one dequantized weight, since ONNX
Runtime first repeats the DequantizeLinear for each of them.
"""

from __future__ import annotations

from collections import Counter
from copy import deepcopy

from onnx import ModelProto, NodeProto, TensorProto

from bnnaudit.onnx_import.graph.graph import attribute
from bnnaudit.onnx_import.operators import spec_of


def unshare(model: ModelProto) -> bool:
    """Gives every use of a shared int8 initializer or Constant one of its own, in place; whether there were any."""
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type == TensorProto.INT8}
    made = {node.output[0]: node for node in graph.node if _is_int8_constant(node)}
    taken = {name for node in graph.node for name in (*node.input, *node.output)} | set(stored)
    repeated = _repeat_dequantizers(model, {*stored, *made}, taken)
    uses = Counter(name for node in graph.node for name in node.input)
    shared = {name for name in (*stored, *made) if uses[name] > 1}
    own: list[TensorProto] = []
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in shared:
                copy = deepcopy(stored[name] if name in stored else attribute(made[name], "value"))
                copy.name = node.input[position] = _fresh(f"{name}/{len(own)}", taken)
                own.append(copy)
    graph.initializer.extend(own)
    return repeated or bool(shared)


def _repeat_dequantizers(model: ModelProto, constants: set[str], taken: set[str]) -> bool:
    """Gives every user of a dequantized constant a DequantizeLinear of its own; whether any had to share one."""
    graph = model.graph
    makers = {node.output[0]: node for node in graph.node if spec_of(node).dequantizes and node.input[0] in constants}
    served = {info.name for info in graph.output}
    nodes: list[NodeProto] = []
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in makers and name in served:
                copy = deepcopy(makers[name])
                copy.output[0] = node.input[position] = _fresh(f"{name}/{len(nodes)}", taken)
                copy.name = ""
                nodes.append(copy)
            served.add(name)
        nodes.append(node)
    if len(nodes) == len(graph.node):
        return False
    kept = deepcopy(nodes)
    del graph.node[:]
    graph.node.extend(kept)
    return True


def _is_int8_constant(node: NodeProto) -> bool:
    value = attribute(node, "value") if node.op_type == "Constant" else None
    return isinstance(value, TensorProto) and value.data_type == TensorProto.INT8


def _fresh(name: str, taken: set[str]) -> str:
    """A name like `name` that nothing has yet."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
