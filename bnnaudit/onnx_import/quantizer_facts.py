"""What a quantizer of a lowered graph is for people: its name, its bits, and the range of what it returns."""

from __future__ import annotations

from onnx import NodeProto

from bnnaudit.onnx_import.graph.constant_inputs import clip_ends
from bnnaudit.onnx_import.graph.element_types import GRIDS
from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, Graph, attribute
from bnnaudit.onnx_import.graph.own_operators import QUANTIZES_TO
from bnnaudit.onnx_import.graph.quantizer_kinds import QuantizerKind, bits_between, on_grid
from bnnaudit.onnx_import.operators import spec_of
from bnnaudit.quantization.grids import Grid


def quantizer_of(graph: Graph, node: NodeProto) -> QuantizerKind | None:
    """What a node of a lowered graph quantizes to; None where it is no quantizer."""
    if node.domain != OWN_DOMAIN:
        return None
    spec = spec_of(node)
    if spec.quantizer is not None:
        return spec.quantizer(graph, node)
    grid = GRIDS.get(attribute(node, QUANTIZES_TO, 0))
    if spec.zero_point is None or grid is None:
        return None
    return on_grid(graph, node, _clipped(graph, node, grid), spec.zero_point - 1, spec.zero_point)


def _clipped(graph: Graph, node: NodeProto, grid: Grid) -> Grid:
    """The part of a grid that clips behind a quantizer leave: so fewer bits than the type has are written (QCDQ)."""
    users = graph.users(node.output[0])
    ends = [clip_ends(graph, user) for user in users if user.op_type == "Clip"]
    known = [pair for pair in ends if pair is not None]
    if not users or len(known) < len(users) or graph.is_output(node.output[0]):
        return grid
    low, high = max(grid.low, min(pair[0] for pair in known)), min(grid.high, max(pair[1] for pair in known))
    return Grid(bits_between(low, high), low, high) if low < high else grid
