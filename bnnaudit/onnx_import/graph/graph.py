"""An ONNX graph that can be asked who makes and who uses a value, and edited in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from bnnaudit.onnx_import.graph.external_weights import array_of, points

STANDARD_DOMAIN = ""
OWN_DOMAIN = "bnnaudit"
RUNTIME_DOMAIN = "com.microsoft"
"""ONNX Runtime's own operators."""
QONNX_DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
"""The names under which QONNX's operators are written: by qonnx itself, by older Brevitas, and by FINN."""

FLOATS = frozenset({TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16})

SHAPES_ONLY = frozenset({"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"})
"""Operators that keep the values of one image together and as they are."""


def qualified_name(node: NodeProto) -> str:
    """The operator with its domain, which is left out for the standard one: `Conv`, `onnx.brevitas.Quant`."""
    return f"{node.domain}.{node.op_type}" if node.domain else str(node.op_type)


def input_at(node: NodeProto, position: int) -> str:
    """The name of an input; empty where it is left out."""
    return str(node.input[position]) if 0 <= position < len(node.input) else ""


def is_standard(node: NodeProto | None, *ops: str) -> TypeGuard[NodeProto]:
    """Whether a node is one of these standard operators."""
    return node is not None and node.domain == STANDARD_DOMAIN and node.op_type in ops


def own_node(op: str, inputs: Sequence[str], outputs: Sequence[str], name: str = "", **settings: Any) -> NodeProto:
    """A node of an operator of our own domain."""
    return helper.make_node(op, inputs, outputs, name=name, domain=OWN_DOMAIN, **settings)


def make_own(node: NodeProto, op: str, **settings: Any) -> None:
    """Turn a node, which keeps its inputs and outputs, into one of our own domain."""
    node.op_type, node.domain = op, OWN_DOMAIN
    del node.attribute[:]
    node.attribute.extend(helper.make_attribute(name, value) for name, value in settings.items())


def standard_opset(model: ModelProto) -> int:
    """The version of the standard operators that the model uses."""
    return max((entry.version for entry in model.opset_import if entry.domain == STANDARD_DOMAIN), default=1)


def attribute(node: NodeProto, name: str, default: Any = None) -> Any:
    """An attribute's value as Python knows it, or `default`."""
    for entry in node.attribute:
        if entry.name == name:
            return helper.get_attribute_value(entry)
    return default


def constant_array(node: NodeProto) -> NDArray[Any] | None:
    """The value of a Constant node; None for strings and sparse tensors."""
    value = attribute(node, "value")
    if value is not None:
        return np.asarray(numpy_helper.to_array(value))
    kinds = {"value_float": TensorProto.FLOAT, "value_int": TensorProto.INT64}
    for name, kind in kinds.items():
        number, numbers = attribute(node, name), attribute(node, f"{name}s")
        if number is not None:
            return np.asarray(numpy_helper.to_array(helper.make_tensor("", kind, (), [number])))
        if numbers is not None:
            return np.asarray(numpy_helper.to_array(helper.make_tensor("", kind, (len(numbers),), numbers)))
    return None


class Graph:
    """A model's graph, indexed. `save` writes the nodes back; until then the proto's own list is stale."""

    def __init__(self, model: ModelProto) -> None:
        self.model = model
        self.proto: GraphProto = model.graph
        self.opset = standard_opset(model)
        self.nodes: list[NodeProto] = list(model.graph.node)
        self._arrays: dict[str, NDArray[Any]] = {}
        self.initializers: dict[str, TensorProto] = {tensor.name: tensor for tensor in model.graph.initializer}
        """The stored tensors by name."""
        self._values: dict[str, ValueInfoProto] = {
            info.name: info for info in (*self.proto.value_info, *self.proto.input, *self.proto.output)
        }
        self.reindex()

    def reindex(self) -> None:
        """Look up anew who makes and who uses what, after `nodes` was changed."""
        self._makers = {name: node for node in self.nodes for name in node.output if name}
        self._users: dict[str, list[NodeProto]] = {}
        for node in self.nodes:
            for name in node.input:
                if name:
                    self._users.setdefault(name, []).append(node)

    def save(self) -> None:
        """Write nodes and their order back into the model."""
        kept = [NodeProto.FromString(node.SerializeToString()) for node in self.nodes]
        del self.proto.node[:]
        self.proto.node.extend(kept)

    def maker(self, value: str) -> NodeProto | None:
        """The node whose output `value` is; None for an input, an initializer or nothing."""
        return self._makers.get(value)

    def made_by(self, value: str, *ops: str) -> NodeProto | None:
        """The node whose output `value` is, where it is one of these standard operators."""
        node = self.maker(value)
        return node if is_standard(node, *ops) else None

    def users(self, value: str) -> list[NodeProto]:
        """The nodes that take `value`, once for each time they do."""
        return self._users.get(value, [])

    def is_output(self, value: str) -> bool:
        """Whether the graph returns `value`."""
        return any(info.name == value for info in self.proto.output)

    def constant(self, value: str) -> NDArray[Any] | None:
        """The array of an initializer, or None where `value` is not one."""
        if value not in self._arrays:
            tensor = self.initializers.get(value)
            if tensor is None:
                return None
            if points(tensor):
                # Not kept: there may be much of it.
                return array_of(tensor)
            self._arrays[value] = numpy_helper.to_array(tensor)
        return self._arrays[value]

    def stored(self, value: str) -> NDArray[Any] | None:
        """The array of an initializer or a Constant node; None for anything else."""
        maker = self.made_by(value, "Constant")
        return self.constant(value) if maker is None else constant_array(maker)

    def number(self, value: str) -> float | None:
        """The one number of an initializer or a Constant node; None for anything else."""
        array = self.stored(value)
        return float(array.ravel()[0]) if array is not None and array.size == 1 and array.dtype.kind in "fiu" else None

    def add_constant(self, name: str, array: NDArray[Any]) -> str:
        """Store `array` under `name`, replacing what was there."""
        tensor = numpy_helper.from_array(np.asarray(array), name=name)
        if name in self.initializers:
            self.initializers[name].CopyFrom(tensor)
        else:
            self.proto.initializer.append(tensor)
            self.initializers[name] = self.proto.initializer[-1]
        self._arrays[name] = np.asarray(array)
        return name

    def fresh_name(self, wish: str) -> str:
        """`wish`, or `wish` with a number, that names nothing yet."""
        taken = {*self._values, *self.initializers, *self._makers, *self._users}
        return (
            wish if wish not in taken else next(n for i in range(len(taken) + 1) if (n := f"{wish}_{i}") not in taken)
        )

    def element_type(self, value: str) -> int:
        """The TensorProto type of a value, 0 where unknown."""
        if value in self.initializers:
            return int(self.initializers[value].data_type)
        info = self._values.get(value)
        return int(info.type.tensor_type.elem_type) if info is not None else 0

    def shape(self, value: str) -> tuple[int | None, ...] | None:
        """The shape of a value, None for an unknown axis, None alone for an unknown rank."""
        if value in self.initializers:
            return tuple(self.initializers[value].dims)
        info = self._values.get(value)
        if info is None or not info.type.tensor_type.HasField("shape"):
            return None
        return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in info.type.tensor_type.shape.dim)

    def replace(self, old: Iterable[NodeProto], new: Sequence[NodeProto]) -> None:
        """Put `new` in the place of the last of `old`, in the order of computation."""
        gone = {id(node) for node in old}
        last = max(index for index, node in enumerate(self.nodes) if id(node) in gone)
        before = [node for node in self.nodes[:last] if id(node) not in gone]
        after = [node for node in self.nodes[last + 1 :] if id(node) not in gone]
        self.nodes = [*before, *new, *after]
        self.reindex()

    def rename_uses(self, old: str, new: str) -> None:
        """Let every node that takes `old` take `new` instead; outputs of the graph keep their names."""
        for node in self.users(old):
            for position, name in enumerate(node.input):
                if name == old:
                    node.input[position] = new
        self.reindex()

    def drop_dead(self) -> None:
        """Remove nodes and initializers that no output of the graph needs."""
        needed = {info.name for info in self.proto.output}
        kept: list[NodeProto] = []
        for node in reversed(self.nodes):
            if needed.intersection(name for name in node.output if name):
                kept.append(node)
                needed.update(inputs_with_bodies(node))
        self.nodes = kept[::-1]
        stored = [tensor for tensor in self.proto.initializer if tensor.name in needed]
        if len(stored) != len(self.proto.initializer):
            copies = [TensorProto.FromString(tensor.SerializeToString()) for tensor in stored]
            del self.proto.initializer[:]
            self.proto.initializer.extend(copies)
            self.initializers = {tensor.name: tensor for tensor in self.proto.initializer}
        self.reindex()


def inputs_with_bodies(node: NodeProto) -> set[str]:
    """What a node needs, the outer values that the bodies of If, Loop and Scan use included."""
    names = {name for name in node.input if name}
    for entry in node.attribute:
        for body in (*([entry.g] if entry.HasField("g") else []), *entry.graphs):
            names.update(info.name for info in body.output)
            for inner in body.node:
                names |= inputs_with_bodies(inner)
    return names
