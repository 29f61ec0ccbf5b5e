"""Shape inference through operators of other domains, which stops ONNX's own: each is stood in for by a standard one.

A stand-in has the shape and the type of what it stands for, not the values; nothing is ever computed with it.
"""

from __future__ import annotations

from onnx import ModelProto, NodeProto, TensorProto, helper

from bnnaudit.onnx_import.graph.graph import attribute
from bnnaudit.onnx_import.graph.safe_shape_inference import safely_inferred
from bnnaudit.onnx_import.operators import spec_of


def infer_shapes(model: ModelProto) -> ModelProto:
    """The model with the shapes and types that can be inferred; `model` comes back as it was."""
    nodes = list(model.graph.node)
    if all(_stand_in(node) is None for node in nodes):
        return safely_inferred(model)
    kept = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    written = [part for node in kept for part in _stand_in(node) or (node,)]
    _set_nodes(model, written)
    try:
        inferred = safely_inferred(model)
    finally:
        _set_nodes(model, kept)
    _set_nodes(inferred, kept)
    return inferred


def _set_nodes(model: ModelProto, nodes: list[NodeProto]) -> None:
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _stand_in(node: NodeProto) -> tuple[NodeProto, ...] | None:
    """What stands for a node; None for one that ONNX's inference knows, or that nothing stands for."""
    spec = spec_of(node)
    stand_in = spec.stand_in
    if stand_in is None or any(attribute(node, name, 0) for name in stand_in.unless):
        return None
    given = list(node.input)
    if isinstance(stand_in.inputs, slice):
        inputs = given[stand_in.inputs]
    else:
        inputs = [given[position] for position in stand_in.inputs if position < len(given)]
    settings = {key: value for key in stand_in.shared if (value := attribute(node, key)) is not None}
    scale = None if spec.zero_point is None else spec.zero_point - 1
    if not stand_in.returns_float and (scale is None or any(given[scale:])):
        return (helper.make_node(stand_in.op, inputs, node.output[:1], **settings),)
    # A float, whatever it takes.
    inner = f"{node.output[0]}/of_its_inputs_type"
    return (
        helper.make_node(stand_in.op, inputs, [inner], **settings),
        helper.make_node("Cast", [inner], node.output[:1], to=TensorProto.FLOAT),
    )
