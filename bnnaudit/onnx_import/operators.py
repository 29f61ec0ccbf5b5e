"""The differentiable import of ONNX operators: onnx2torch's converters, and ours where it has none or a lesser one.

`FAMILIES` is the table of ours, one file a family. A node whose operator is in it is lowered: moved to our own domain,
with the version it was written for, so that one converter serves every version and none of onnx2torch's is replaced.
An operator of another domain is listed with it, as in `onnx.brevitas.Quant`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from onnx import defs, helper

from bnnaudit.onnx_import.conversion import SINCE_VERSION, Converter, Node
from bnnaudit.onnx_import.converters import (
    activations,
    arithmetic,
    attention,
    carrier_casts,
    casting,
    constants,
    contrib_float,
    contrib_quantized,
    convolution,
    cumulative,
    declined,
    fake_quantize,
    functions,
    grid_step,
    identity,
    indexing,
    integer_products,
    matmul,
    multithreshold,
    normalization,
    pad,
    pooling,
    qlinear,
    qonnx,
    quantize_linear,
    reduction,
    resampling,
    shaping,
    sign_and_round,
    slicing,
    standardization,
)
from bnnaudit.onnx_import.converters.bound_tensors import bind_carried
from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, STANDARD_DOMAIN, Graph, qualified_name
from bnnaudit.onnx_import.onnx2torch_loading import load_onnx2torch
from bnnaudit.onnx_import.passes.grid_patterns import recognise_grids
from bnnaudit.onnx_import.passes.quantized_as_float import carry
from bnnaudit.onnx_import.passes.rounding_patterns import recognise_clips, recognise_roundings
from bnnaudit.onnx_import.passes.truncations import recognise_truncations

FAMILIES: tuple[Mapping[str, Converter], ...] = (
    sign_and_round.CONVERTERS,
    activations.CONVERTERS,
    reduction.CONVERTERS,
    shaping.CONVERTERS,
    slicing.CONVERTERS,
    pooling.CONVERTERS,
    resampling.CONVERTERS,
    convolution.CONVERTERS,
    normalization.CONVERTERS,
    indexing.CONVERTERS,
    pad.CONVERTERS,
    attention.CONVERTERS,
    carrier_casts.CONVERTERS,
    quantize_linear.CONVERTERS,
    fake_quantize.CONVERTERS,
    integer_products.CONVERTERS,
    qlinear.CONVERTERS,
    contrib_quantized.CONVERTERS,
    contrib_float.CONVERTERS,
    qonnx.CONVERTERS,
    multithreshold.CONVERTERS,
    grid_step.CONVERTERS,
    arithmetic.CONVERTERS,
    casting.CONVERTERS,
    functions.CONVERTERS,
    constants.CONVERTERS,
    declined.CONVERTERS,
    identity.CONVERTERS,
    matmul.CONVERTERS,
    cumulative.CONVERTERS,
    standardization.CONVERTERS,
)

OURS: dict[str, Converter] = {name: converter for family in FAMILIES for name, converter in family.items()}


def since_version(op: str, domain: str, opset: int) -> int:
    """The version of the operator's definition that holds under an opset; the opset itself where ONNX knows none."""
    try:
        return int(defs.get_schema(op, domain=domain, max_inclusive_version=opset).since_version)
    except defs.SchemaError:
        return opset


def lower(graph: Graph) -> None:
    """Move every node whose operator is in `OURS` to our own domain; it keeps its attributes and learns its version."""
    recognise_roundings(graph)
    recognise_clips(graph)
    recognise_grids(graph)
    carry(graph)
    recognise_truncations(graph)
    for node in graph.nodes:
        name = qualified_name(node)
        if node.domain == OWN_DOMAIN or name not in OURS:
            continue
        if node.domain == STANDARD_DOMAIN:
            version = since_version(node.op_type, STANDARD_DOMAIN, graph.opset)
            node.attribute.append(helper.make_attribute(SINCE_VERSION, version))
        node.op_type = name.replace(".", "_")
        node.domain = OWN_DOMAIN
    if all(entry.domain != OWN_DOMAIN for entry in graph.model.opset_import):
        graph.model.opset_import.append(helper.make_opsetid(OWN_DOMAIN, 1))


def register(operators: Iterable[str]) -> None:
    """Teach onnx2torch our converters, and load its own for the operators of a graph; doing it again changes nothing."""
    registry = load_onnx2torch(operators)
    for name, converter in OURS.items():
        _add(registry, name.replace(".", "_"), 1, OWN_DOMAIN, partial(_adapted, converter))


def is_supported(op: str, domain: str, opset: int) -> bool:
    """Whether a node of a lowered graph has a converter; `register` must have run."""
    from onnx2torch.node_converters import registry

    return _known(registry, op, opset, domain)


def _known(registry: Any, op: str, version: int, domain: str) -> bool:
    try:
        registry.get_converter(operation_type=op, version=version, domain=domain)
    except NotImplementedError:
        return False
    return True


def _add(registry: Any, op: str, version: int, domain: str, converter: Callable[[], Any]) -> None:
    if not _known(registry, op, version, domain):
        registry.add_converter(operation_type=op, version=version, domain=domain)(converter())


def _adapted(converter: Converter) -> Callable[[Any, Any], Any]:
    """Our converter in the form that onnx2torch calls."""
    from onnx2torch.utils.common import OnnxMapping, OperationConverterResult

    def convert(node: Any, graph: Any) -> Any:
        converted = bind_carried(converter(Node(node, graph)), graph.initializers)
        return OperationConverterResult(converted.module, OnnxMapping(converted.inputs, tuple(node.output_values)))

    return convert
