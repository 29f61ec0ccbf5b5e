"""What ONNX Runtime takes and ONNX's own tools do not: order, names and types that a file may leave out, put right.

Only our copy of the model is changed, and never in what it computes; ONNX Runtime is given the file as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer  # type: ignore[import-untyped]
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from bnnaudit.onnx_import.graph.graph import STANDARD_DOMAIN, inputs_with_bodies

FIRST_WITH_PLAIN_INITIALIZERS = 4
"""The IR version from which on stored tensors need not be listed among the inputs; ONNX Runtime never asks for it."""

ALIAS = "ai.onnx"
"""The standard domain's other name."""


def tidy(proto: ModelProto) -> None:
    """Bring a model into the form that ONNX's tools ask for, in place: nodes sorted, no nameless or untyped entries.

    A foreign domain whose version the file forgot (as Brevitas did) gets version 1. Sizes below 0 become open, as ONNX
    Runtime reads them. A graph whose nodes depend on each other in a circle keeps its order, and the checker refuses it.
    """
    for entry in (*proto.opset_import, *proto.graph.node):
        if entry.domain == ALIAS:
            entry.domain = STANDARD_DOMAIN
    known = {entry.domain for entry in proto.opset_import} | {STANDARD_DOMAIN}
    for domain in dict.fromkeys(node.domain for node in proto.graph.node if node.domain not in known):
        proto.opset_import.append(helper.make_opsetid(domain, 1))
    _sort_nodes(proto.graph)
    _keep(proto.graph.initializer, [tensor for tensor in proto.graph.initializer if tensor.name])
    typed = {info.name: info for info in proto.graph.value_info if info.name and info.HasField("type")}
    _keep(proto.graph.value_info, list(typed.values()))
    for info in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info):
        for dim in info.type.tensor_type.shape.dim:
            if dim.dim_value < 0:
                dim.ClearField("dim_value")


def for_checker(proto: ModelProto) -> ModelProto:
    """A copy of a tidy model without what the checker complains of and ONNX Runtime does not mind.

    These are inputs and outputs without a shape, outputs without a type, a graph without a name, stored tensors that an old
    IR version wants among the inputs, and metadata that is there twice. Large weights stay behind: it would look for them.
    """
    copy = ModelProto()
    copy.CopyFrom(proto)
    copy.graph.name = copy.graph.name or "graph"
    del copy.metadata_props[:]
    if copy.ir_version > 0:
        copy.ir_version = max(copy.ir_version, FIRST_WITH_PLAIN_INITIALIZERS)
    for info in copy.graph.output:
        if not info.HasField("type"):
            info.type.tensor_type.elem_type = TensorProto.FLOAT
    for info in (*copy.graph.input, *copy.graph.output):
        if info.type.HasField("tensor_type") and not info.type.tensor_type.HasField("shape"):
            info.type.tensor_type.shape.SetInParent()
    for tensor in copy.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            tensor.CopyFrom(TensorProto(name=tensor.name, data_type=tensor.data_type, dims=[0]))
    return copy


def _sort_nodes(graph: GraphProto) -> None:
    """Put every node behind those whose values it takes, else in the order of the file.

    The bodies of If and the like stay as they are: ONNX Runtime wants those in order.
    """
    given = {*(info.name for info in graph.input), *(tensor.name for tensor in graph.initializer)}
    order = _order(list(graph.node), given)
    if order is not None and order != list(range(len(order))):
        _keep(graph.node, [graph.node[index] for index in order])


def _order(nodes: list[NodeProto], given: set[str]) -> list[int] | None:
    """The nodes' positions, each behind those that make what it takes; None where there is no such order."""
    maker = {name: index for index, node in enumerate(nodes) for name in node.output if name and name not in given}
    needs = [{maker[name] for name in inputs_with_bodies(node) if name in maker} for node in nodes]
    order: list[int] = []
    placed: set[int] = set()
    # Depth first with a stack of our own: a network may be deeper than Python's calls.
    for start in range(len(nodes)):
        stack, on_path = [start], set()
        while stack:
            index = stack[-1]
            missing = needs[index] - placed
            if index in placed or not missing:
                stack.pop()
                on_path.discard(index)
                if index not in placed:
                    placed.add(index)
                    order.append(index)
            elif index in on_path:
                return None
            else:
                on_path.add(index)
                stack.extend(sorted(missing, reverse=True))
    return order


def _keep(field: RepeatedCompositeFieldContainer, messages: Iterable[NodeProto | ValueInfoProto | TensorProto]) -> None:
    """Let a repeated field hold these of its messages, in this order."""
    kept = [type(message).FromString(message.SerializeToString()) for message in messages]
    del field[:]
    field.extend(kept)
