"""The passes of the import in their order, for a model of any inputs and outputs."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import onnx
from onnx import ModelProto, helper
from torch import nn

from bnnaudit.core.errors import ModelError, UnsupportedOperatorsError, one_line
from bnnaudit.core.stages import doing
from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, STANDARD_DOMAIN, Graph, qualified_name
from bnnaudit.onnx_import.graph.own_operators import SINCE_VERSION
from bnnaudit.onnx_import.graph.size_limits import check_sizes
from bnnaudit.onnx_import.graph.torch_types import torch_type
from bnnaudit.onnx_import.operators import OPERATORS, is_supported, register, since_version
from bnnaudit.onnx_import.passes.binarizations import recognise_binarizations
from bnnaudit.onnx_import.passes.fuse_quantizers import fuse_quantizers
from bnnaudit.onnx_import.passes.grid_patterns import recognise_grids
from bnnaudit.onnx_import.passes.narrowed_grids import narrow_grids
from bnnaudit.onnx_import.passes.node_names import name_nodes
from bnnaudit.onnx_import.passes.quantized_as_float import hold_in_floats, recognise_truncations
from bnnaudit.onnx_import.passes.rounding_patterns import recognise_clips, recognise_roundings
from bnnaudit.onnx_import.passes.simplify import simplify
from bnnaudit.onnx_import.passes.stated_shapes import infer_against_stated


def plain_graph(model: ModelProto) -> Graph:
    """The simplified graph with the shapes that can be inferred; `model` stays as it is. Raises ModelError."""
    doing("simplifying it and inferring its shapes")
    try:
        graph = Graph(infer_against_stated(simplify(deepcopy(model))))
    except (onnx.shape_inference.InferenceError, onnx.checker.ValidationError, RuntimeError, ValueError) as error:
        raise ModelError(f"shapes do not fit together: {one_line(error)}") from error
    check_sizes(graph.proto)
    return graph


def lower(graph: Graph, float_outputs: bool = False) -> None:
    """Turn a plain graph into one of operators that have converters, as far as they have, and save it.

    Its tensors then have the types that `torch_types` names, its quantized ones are floats; float_outputs: those that it
    returns as well. Raises UnsupportedOperatorsError for inputs and outputs that are not tensors of numbers.
    """
    _check_types(graph)
    _part_outputs(graph)
    recognise_binarizations(graph)
    recognise_roundings(graph)
    recognise_clips(graph)
    recognise_grids(graph)
    narrow_grids(graph)
    hold_in_floats(graph, float_outputs)
    recognise_truncations(graph)
    _to_own_domain(graph)
    name_nodes(graph)
    graph.drop_dead()
    graph.save()


def convert(graph: Graph) -> nn.Module:
    """The torch module of a lowered graph: it takes its inputs in their order, returns its output, or a list of them.

    Raises UnsupportedOperatorsError, which names every operator that has no import and every node whose settings have none.
    """
    doing("converting it")
    fuse_quantizers(graph)
    graph.drop_dead()
    graph.save()
    with quiet():
        register(node.op_type for node in graph.nodes)
        missing = missing_operators(graph)
        if missing:
            raise UnsupportedOperatorsError(f"no differentiable import of: {missing}{_failed_nodes(graph, '; ')}")
        import onnx2torch

        try:
            module: nn.Module = onnx2torch.convert(graph.model)
        except Exception as error:  # onnx2torch raises whatever a converter meets
            raise UnsupportedOperatorsError(_failed_nodes(graph) or one_line(error)) from error
    return module


def missing_operators(graph: Graph) -> str:
    """The operators of a lowered graph that have no converter, with their count and first node; empty if there is none."""
    opsets = {entry.domain: entry.version for entry in graph.model.opset_import}
    missing: dict[str, list[str]] = {}
    for node in graph.nodes:
        opset = opsets.get(node.domain, 1)
        if node.domain != OWN_DOMAIN and not is_supported(node.op_type, node.domain, opset):
            domain = f" of {node.domain}" if node.domain else ""
            version = since_version(node.op_type, node.domain, opset)
            missing.setdefault(f"{node.op_type}-{version}{domain}", []).append(node.name)
    return "; ".join(f"{op} ({len(names)}x, first {names[0]!r})" for op, names in missing.items())


def _failed_nodes(graph: Graph, before: str = "") -> str:
    """The nodes whose converters fail, and why: all of them, for onnx2torch stops at the first without naming it.

    Empty where none does; else the text starts with `before`.
    """
    from onnx2torch.node_converters import get_converter
    from onnx2torch.onnx_graph import OnnxGraph

    opsets = {entry.domain: entry.version for entry in graph.model.opset_import}
    try:
        view = OnnxGraph(graph.model.graph)
    except Exception:  # the graph as a whole is at fault, and no node of it
        return ""
    problems = []
    for node in view.nodes.values():
        opset = opsets.get(node.domain, 1)
        if not is_supported(node.operation_type, node.domain, opset):
            continue
        try:
            get_converter(operation_type=node.operation_type, version=opset, domain=node.domain)(node, view)
        except Exception as error:  # see convert
            problems.append(f"{node.operation_type} {node.name!r}: {one_line(error)}")
    return f"{before}cannot be converted: {'; '.join(problems)}" if problems else ""


def _check_types(graph: Graph) -> None:
    """Refuse inputs and outputs that are not tensors of numbers."""
    for info in (*graph.proto.input, *graph.proto.output):
        if not info.type.HasField("tensor_type"):
            kind = info.type.WhichOneof("value") or "nothing"
            raise UnsupportedOperatorsError(f"{info.name!r} is not a tensor ({kind.removesuffix('_type')})")
        try:
            torch_type(info.type.tensor_type.elem_type)
        except NotImplementedError as error:
            raise UnsupportedOperatorsError(f"no import of {error} ({info.name!r})") from error


def _part_outputs(graph: Graph) -> None:
    """Let every output of the graph come from a node of its own, as onnx2torch returns nodes, not values."""
    makers: set[int] = set()
    for info in graph.proto.output:
        maker = graph.maker(info.name)
        if maker is None or len(maker.output) > 1 or id(maker) in makers:
            own = graph.fresh_name(f"{info.name}_returned")
            graph.append(helper.make_node("Identity", [info.name], [own]))
            graph.rename_output(info, own)
        else:
            makers.add(id(maker))


def _to_own_domain(graph: Graph) -> None:
    """Move every node whose operator is one of ours to our own domain; it keeps its attributes and learns its version."""
    for node in graph.nodes:
        name = qualified_name(node)
        if node.domain == OWN_DOMAIN or name not in OPERATORS:
            continue
        if node.domain == STANDARD_DOMAIN:
            version = since_version(node.op_type, STANDARD_DOMAIN, graph.opset)
            node.attribute.append(helper.make_attribute(SINCE_VERSION, version))
        node.op_type = name.replace(".", "_")
        node.domain = OWN_DOMAIN
    if all(entry.domain != OWN_DOMAIN for entry in graph.model.opset_import):
        graph.model.opset_import.append(helper.make_opsetid(OWN_DOMAIN, 1))


@contextmanager
def quiet() -> Iterator[None]:
    """Without what onnx2torch and torch warn of while a network is imported; none of it is for our users."""
    with warnings.catch_warnings():
        for module in (r"onnx2torch\b", r"torch\b", r"torchvision\b"):
            warnings.filterwarnings("ignore", module=module)
        yield
