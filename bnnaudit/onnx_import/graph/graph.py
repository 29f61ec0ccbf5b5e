"""An ONNX graph that can be asked who makes and who uses a value, and edited in place."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from itertools import count
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


Place = tuple[int, ...]
"""Where a node stands: a node put in the place of another stands behind that one's predecessors and before its successors."""


class Graph:
    """A model's graph, indexed. `save` writes the nodes back; until then the proto's own list is stale.

    The index follows `replace`, `append`, `rename_uses` and `rename_output` at a cost that does not grow with the graph; after
    any other change of nodes or outputs `reindex` has to be called.
    """

    def __init__(self, model: ModelProto) -> None:
        self.model = model
        self.proto: GraphProto = model.graph
        self.opset = standard_opset(model)
        self._arrays: dict[str, NDArray[Any]] = {}
        self.initializers: dict[str, TensorProto] = {tensor.name: tensor for tensor in model.graph.initializer}
        """The stored tensors by name."""
        self._values: dict[str, ValueInfoProto] = {
            info.name: info for info in (*self.proto.value_info, *self.proto.input, *self.proto.output)
        }
        self._ordered: list[NodeProto] | None = list(model.graph.node)
        self.reindex()

    @property
    def nodes(self) -> list[NodeProto]:
        """The nodes in the order of computation."""
        if self._ordered is None:
            self._ordered = sorted(self._placed.values(), key=self._place_of)
        return self._ordered

    @nodes.setter
    def nodes(self, nodes: list[NodeProto]) -> None:
        self._ordered = nodes

    def reindex(self) -> None:
        """Look up anew who makes and who uses what, after `nodes` was changed."""
        nodes = self.nodes
        self._places: dict[int, Place] = {}
        self._placed: dict[int, NodeProto] = {}
        self._makers: dict[str, NodeProto] = {}
        self._users: dict[str, list[NodeProto]] = {}
        self._outputs = {info.name for info in self.proto.output}
        self._behind_all = len(nodes)
        for position, node in enumerate(nodes):
            self._put(node, (position,))
        self._ordered = nodes

    def _place_of(self, node: NodeProto) -> Place:
        return self._places[id(node)]

    def _put(self, node: NodeProto, place: Place) -> None:
        self._places[id(node)], self._placed[id(node)] = place, node
        self._ordered = None
        self._makers.update((name, node) for name in node.output if name)
        for name in node.input:
            if name:
                self._add_user(name, node)

    def _add_user(self, name: str, node: NodeProto) -> None:
        users = self._users.setdefault(name, [])
        if users and self._place_of(users[-1]) > self._place_of(node):
            insort(users, node, key=self._place_of)
        else:
            users.append(node)

    def _take_out(self, node: NodeProto) -> None:
        for name in node.output:
            if self._makers.get(name) is node:
                del self._makers[name]
        for name in set(node.input) & self._users.keys():
            users = self._users[name]
            first = bisect_left(users, self._place_of(node), key=self._place_of)
            last = first
            while last < len(users) and users[last] is node:
                last += 1
            users[first:last] = []
            if not users:
                del self._users[name]
        del self._places[id(node)], self._placed[id(node)]
        self._ordered = None

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
        return value in self._outputs

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
        if not self._names(wish):
            return wish
        return next(name for number in count() if not self._names(name := f"{wish}_{number}"))

    def _names(self, name: str) -> bool:
        return any(name in known for known in (self._values, self.initializers, self._makers, self._users))

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
        """Put `new`, which may be none, in the place of the last of `old`, in the order of computation."""
        gone = {id(node): node for node in old if id(node) in self._placed}
        last = max(self._places[key] for key in gone)
        for node in gone.values():
            self._take_out(node)
        for position, node in enumerate(new):
            self._put(node, last if len(new) == 1 else (*last, position))

    def append(self, node: NodeProto) -> None:
        """Put a node behind all others."""
        self._behind_all += 1
        self._put(node, (self._behind_all,))

    def rename_uses(self, old: str, new: str) -> None:
        """Let every node that takes `old` take `new` instead; outputs of the graph keep their names."""
        for node in self._users.pop(old, []):
            for position, name in enumerate(node.input):
                if name == old:
                    node.input[position] = new
                    self._add_user(new, node)

    def rename_output(self, info: ValueInfoProto, name: str) -> None:
        """Let the graph return `name` in the place of another value."""
        info.name = name
        self._outputs = {other.name for other in self.proto.output}

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
