"""Plainer graphs of the same meaning: what inference does not need goes, what is constant is computed once."""

from __future__ import annotations

import math
from collections.abc import Callable, MutableSequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto, helper, inliner

from bnnaudit.core.errors import ModelError, is_out_of_memory, one_line
from bnnaudit.core.stages import doing
from bnnaudit.onnx_import.graph.external_weights import with_values
from bnnaudit.onnx_import.graph.graph import (
    RUNTIME_DOMAIN,
    STANDARD_DOMAIN,
    Graph,
    constant_array,
    input_at,
    is_standard,
    qualified_name,
)
from bnnaudit.onnx_import.graph.size_limits import check_computed
from bnnaudit.onnx_import.passes.qonnx_to_standard import WRITERS, to_standard_form
from bnnaudit.onnx_import.passes.shape_stand_ins import infer_shapes
from bnnaudit.onnx_import.runtime import REFERENCE_ERRORS, RUNTIME_ERRORS, open_reference, open_session

PASS_THROUGH = frozenset({"Identity", "Dropout"})
"""Operators that repeat their first input at inference; a Dropout's mask is checked for use apart."""

OPTIONAL_OUTPUTS = {"BatchNormalization": 1, "Dropout": 1, "LayerNormalization": 1, "MaxPool": 1}
"""Operators with outputs that only training needs, or that nobody needs here: the number of outputs that stay."""

LARGEST_SHAPE = 64
"""Most numbers in a stored tensor that may be a shape. Not tuned."""

NOT_FOLDED = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)


def simplify(model: ModelProto) -> ModelProto:
    """The same function with local functions inlined, constants folded, and no Identity, Dropout or dead node.

    `model` itself may be changed. Constant nodes become initializers, initializers are no longer inputs.
    """
    if model.functions:
        model = inliner.inline_local_functions(model)
    _one_standard_domain(model)
    _drop_stored(model, model.graph.input)
    graph = Graph(model)
    _store_constants(graph)
    _trim_outputs(graph)
    _bypass(graph)
    # Apart, so that an operator of another domain which cannot be computed leaves the standard ones computed.
    _fold(graph, _is_plain)
    _fold(graph, _can_be_computed)
    graph.drop_dead()
    graph.save()
    # PyTorch's files do not state the types of stored tensors either, and these would not follow when one is converted.
    _drop_stored(model, model.graph.value_info)
    return model


def _one_standard_domain(model: ModelProto) -> None:
    """`ai.onnx` is another name of the standard domain."""
    for entry in (*model.opset_import, *model.graph.node):
        if entry.domain == "ai.onnx":
            entry.domain = STANDARD_DOMAIN


def _drop_stored(model: ModelProto, infos: MutableSequence[ValueInfoProto]) -> None:
    """Leave the stored tensors out of the model's inputs, or of the values that the file states types of."""
    stored = {tensor.name for tensor in model.graph.initializer}
    for info in [info for info in infos if info.name in stored]:
        infos.remove(info)


def _store_constants(graph: Graph) -> None:
    kept = []
    for node in graph.nodes:
        array = constant_array(node) if is_standard(node, "Constant") else None
        if array is None:
            kept.append(node)
        else:
            graph.add_constant(node.output[0], array)
    graph.nodes = kept
    graph.reindex()


def _trim_outputs(graph: Graph) -> None:
    for node in graph.nodes:
        keep = OPTIONAL_OUTPUTS[node.op_type] if is_standard(node, *OPTIONAL_OUTPUTS) else len(node.output)
        if not any(graph.users(name) or graph.is_output(name) for name in node.output[keep:] if name):
            del node.output[keep:]
    graph.reindex()


def _bypass(graph: Graph) -> None:
    """Let the users of an Identity or a Dropout take its input; one that makes an output of the graph stays."""
    for node in list(graph.nodes):
        if not is_standard(node, *PASS_THROUGH) or len(node.output) != 1 or _drops_in_training(graph, node):
            continue
        graph.rename_uses(node.output[0], node.input[0])
        if node.op_type == "Dropout":
            graph.replace([node], [helper.make_node("Identity", [node.input[0]], [node.output[0]], name=node.name)])


def _drops_in_training(graph: Graph, node: NodeProto) -> bool:
    """Whether a Dropout is to drop values even at inference."""
    if node.op_type != "Dropout" or not input_at(node, 2):
        return False
    training = graph.constant(node.input[2])
    return training is None or bool(training)


def _fold(graph: Graph, foldable: Callable[[NodeProto], bool]) -> None:
    """Compute with ONNX Runtime what depends on no input, so that it is to the bit what the deployed model computes."""
    constant = set(graph.initializers)
    folded: list[NodeProto] = []
    for node in graph.nodes:
        names = [name for name in node.input if name]
        returned = any(graph.is_output(name) for name in node.output)
        if names and not returned and foldable(node) and constant.issuperset(names):
            folded.append(node)
            constant.update(name for name in node.output if name)
    if not folded:
        return
    inside = {id(node) for node in folded}
    wanted = [
        name
        for node in folded
        for name in node.output
        if name and any(id(user) not in inside for user in graph.users(name))
    ]
    doing("computing its constants")
    arrays = _evaluate(graph, folded, wanted)
    if arrays is None:
        return
    graph.nodes = [node for node in graph.nodes if id(node) not in inside]
    for name, array in arrays.items():
        graph.add_constant(name, array)
    graph.reindex()


def _with_shapes(part: ModelProto) -> GraphProto:
    """The values of a part and what can be inferred of their shapes, without its large tensors."""
    graph = part.graph
    small = [tensor for tensor in graph.initializer if math.prod(tensor.dims) <= LARGEST_SHAPE]
    large = [tensor for tensor in graph.initializer if math.prod(tensor.dims) > LARGEST_SHAPE]
    inputs = [helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)) for tensor in large]
    copy = _model(helper.make_graph(graph.node, graph.name, inputs, graph.output, small), part)
    try:
        return infer_shapes(copy).graph
    except (onnx.shape_inference.InferenceError, RuntimeError, ValueError):
        return copy.graph


def _model(graph: GraphProto, like: ModelProto) -> ModelProto:
    return helper.make_model(graph, opset_imports=list(like.opset_import), ir_version=like.ir_version)


def _can_be_computed(node: NodeProto) -> bool:
    return _is_plain(node) or node.domain == RUNTIME_DOMAIN or qualified_name(node) in WRITERS


def _is_plain(node: NodeProto) -> bool:
    has_body = any(entry.HasField("g") or entry.graphs for entry in node.attribute)
    return node.domain == STANDARD_DOMAIN and node.op_type not in NOT_FOLDED and not has_body


def _evaluate(graph: Graph, nodes: list[NodeProto], wanted: list[str]) -> dict[str, NDArray[Any]] | None:
    """The values `wanted` of constant nodes by ONNX Runtime, or ONNX's reference; None where neither knows them all."""
    made = {name for node in nodes for name in node.output}
    needed = {name for node in nodes for name in node.input if name} - made
    outputs = [ValueInfoProto(name=name) for name in wanted]
    stored = [with_values(graph.initializers[name]) for name in sorted(needed)]
    part = _model(helper.make_graph(nodes, "constants", [], outputs, stored), graph.model)
    try:
        part = to_standard_form(part)
        largest = max((math.prod(tensor.dims) for tensor in part.graph.initializer), default=0)
        check_computed(_with_shapes(part), largest)
        results = open_session(part.SerializeToString()).run(wanted, {})
    except NotImplementedError:
        return None
    except RUNTIME_ERRORS as error:
        _refuse_no_room(error)
        try:
            results = open_reference(part).run(wanted, {})
        except REFERENCE_ERRORS as other:
            _refuse_no_room(other)
            return None
    return dict(zip(wanted, results, strict=True))


def _refuse_no_room(error: Exception) -> None:
    """Raises ModelError where memory ran out: to leave the constants as they are would only put it off."""
    if is_out_of_memory(error):
        raise ModelError(f"its constants cannot be computed: {one_line(error)}") from error
