"""QuantizeLinear and the DequantizeLinear of the same scale after it as one node, with the Relu or Clip before them."""

from __future__ import annotations

from dataclasses import dataclass

from onnx import NodeProto

from bnnaudit.onnx_import.graph.constant_inputs import clip_bounds
from bnnaudit.onnx_import.graph.element_types import HALVES
from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, STANDARD_DOMAIN, Graph, attribute, input_at, own_node
from bnnaudit.onnx_import.graph.own_operators import BEHIND_STEP, HIGHEST, LOWEST, QUANTIZE_DEQUANTIZE, QUANTIZES_TO
from bnnaudit.onnx_import.graph.quantizer_kinds import grid_of_node
from bnnaudit.onnx_import.operators import spec_of
from bnnaudit.quantization.fake_quantize import RELU, Bounds, is_in_one_step


@dataclass(frozen=True, slots=True)
class _Pair:
    """A quantizer, those that dequantize what it makes, and the numbers that all of them share."""

    quantizer: NodeProto
    dequantizers: tuple[NodeProto, ...]
    scale: float
    zero_point: float


def fuse_quantizers(graph: Graph) -> None:
    """Put one node in the place of every such pair of a lowered graph whose scale is constant and one for the tensor.

    The others stay as they are: several scales, grids of few levels (whose steps have surrogates) and of floats, and numbers
    that more is done to before they are dequantized.
    """
    pairs = [pair for node in graph.nodes if (pair := _pair(graph, node)) is not None]
    for pair in pairs:
        _fuse(graph, pair)


def _pair(graph: Graph, node: NodeProto) -> _Pair | None:
    """The pair that begins with a node; None where it cannot be taken in one step."""
    if not spec_of(node).quantizes or attribute(node, "precision", 0) in HALVES:
        return None
    users = tuple(graph.users(node.output[0]))
    own = _numbers(graph, node)
    grid = grid_of_node(node)
    if not users or graph.is_output(node.output[0]) or own is None or grid is None or not is_in_one_step(grid, own[0]):
        return None
    returned = sum(graph.is_output(user.output[0]) for user in users)
    alike = all(spec_of(user).dequantizes and _numbers(graph, user) == own for user in users)
    return _Pair(node, users, *own) if alike and returned <= 1 else None


def _numbers(graph: Graph, node: NodeProto) -> tuple[float, float] | None:
    """Scale and zero point; None where they are computed, or more than one number each."""
    if attribute(node, "block_size", 0):
        return None
    scale = graph.number(input_at(node, 1))
    zero_point = graph.number(input_at(node, 2)) if input_at(node, 2) else 0.0
    return None if scale is None or zero_point is None else (scale, zero_point)


def _fuse(graph: Graph, pair: _Pair) -> None:
    values, before, gone = pair.quantizer.input[0], Bounds(), []
    maker = graph.maker(values)
    bounds = None if maker is None else _bounds(graph, maker)
    if maker is not None and bounds is not None and len(graph.users(values)) == 1 and not graph.is_output(values):
        values, before, gone = maker.input[0], bounds, [maker]
    first = max(pair.dequantizers, key=lambda node: graph.is_output(node.output[0]))
    inputs = [values, *pair.quantizer.input[1:3]]
    noted = {name: attribute(pair.quantizer, name) for name in (QUANTIZES_TO, LOWEST, HIGHEST)}
    settings = {name: value for name, value in noted.items() if value is not None}
    # What it returns is the tensor that the file knows by the name of this dequantizer.
    node = own_node(
        QUANTIZE_DEQUANTIZE, inputs, [first.output[0]], first.name, low=before.low, high=before.high, **settings
    )
    # In the place of the quantizer: what uses one of the dequantizers may come before another of them.
    graph.replace(pair.dequantizers, [])
    graph.replace([*gone, pair.quantizer], [node])
    for dequantizer in pair.dequantizers:
        if dequantizer is not first:
            graph.rename_uses(dequantizer.output[0], first.output[0])


def _bounds(graph: Graph, node: NodeProto) -> Bounds | None:
    """What a Relu, or a Clip between constants, clips to; None for other nodes."""
    if node.domain in (OWN_DOMAIN, STANDARD_DOMAIN) and node.op_type == "Relu":
        return RELU
    ends = None if attribute(node, BEHIND_STEP, 0) else clip_bounds(graph, node)
    return None if ends is None or ends[0] > ends[1] else Bounds(*ends)
