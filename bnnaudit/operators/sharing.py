"""Stored integers that several nodes share, given to each as a copy of its own.

With session.x64quantprecision ONNX Runtime (1.32 at least) turns int8 weights and their zero points into uint8, and adds the
new zero point again for every layer that uses it: a file in which two weights share one cannot be loaded so. tf2onnx and
tools that merge equal initializers write such files.
"""

from __future__ import annotations

from collections import Counter

from onnx import ModelProto, NodeProto, TensorProto

from bnnaudit.operators.graph import attribute


def unshare(model: ModelProto) -> bool:
    """Gives every use of a shared int8 initializer or Constant one of its own, in place; whether there were any."""
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type == TensorProto.INT8}
    made = {node.output[0]: node for node in graph.node if _is_int8_constant(node)}
    uses = Counter(name for node in graph.node for name in node.input)
    shared = {name for name in (*stored, *made) if uses[name] > 1}
    taken = {*uses, *stored, *(name for node in graph.node for name in node.output)}
    own: list[TensorProto] = []
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in shared:
                fresh = _fresh(f"{name}/{len(own)}", taken)
                copy = TensorProto()
                copy.CopyFrom(stored[name] if name in stored else attribute(made[name], "value"))
                copy.name = node.input[position] = fresh
                own.append(copy)
    graph.initializer.extend(own)
    return bool(shared)


def _is_int8_constant(node: NodeProto) -> bool:
    value = attribute(node, "value") if node.op_type == "Constant" else None
    return isinstance(value, TensorProto) and value.data_type == TensorProto.INT8


def _fresh(name: str, taken: set[str]) -> str:
    """A name like `name` that nothing has yet."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
