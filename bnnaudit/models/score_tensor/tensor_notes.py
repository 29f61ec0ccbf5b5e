"""What a file says of the tensors inside of it, for those who look for the scores among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from onnx import NodeProto, TensorProto

from bnnaudit.onnx_import.graph.graph import Graph
from bnnaudit.onnx_import.graph.own_operators import ROUND_BY, TRUNCATE
from bnnaudit.onnx_import.operators import spec_of
from bnnaudit.onnx_import.passes.node_names import module_name

WHOLE = frozenset(
    TensorProto.DataType.Value(name) for name in ("INT8", "UINT8", "INT16", "UINT16", "INT32", "INT4", "UINT4")
)
"""Element types of quantized tensors and of sums of them."""
STATED = {ROUND_BY: "Round", TRUNCATE: "Cast"}
"""How files call what our own operators stand for."""


@dataclass(frozen=True, slots=True)
class TensorNote:
    """name, operator: of the file. unit: the real number that 1 stands for; 1 for floats, None where it is not known."""

    name: str
    operator: str
    unit: float | None = 1.0


def units_of(graph: Graph) -> dict[str, float | None]:
    """The unit of every tensor of whole numbers, by its name; read before quantized types are carried by floats."""
    units: dict[str, float | None] = {}
    for node in graph.nodes:
        for name in node.output:
            if graph.element_type(name) in WHOLE:
                units[name] = _unit(graph, node, name, units)
    return units


def notes_of(graph: Graph, units: Mapping[str, float | None]) -> dict[str, TensorNote]:
    """Of the first output of every node of a lowered and named graph, by the name of the node's module."""
    notes = {}
    for node in graph.nodes:
        name = node.output[0]
        operator = STATED.get(node.op_type, node.op_type.removeprefix("com_microsoft_"))
        notes[module_name(node.domain, node.name)] = TensorNote(name, operator, units.get(name, 1.0))
    return notes


def _unit(graph: Graph, maker: NodeProto, name: str, known: Mapping[str, float | None]) -> float | None:
    """As whoever uses the tensor, or makes it, states its scale; that of the tensor it was reshaped from otherwise."""
    for user in graph.users(name):
        place = list(user.input).index(name)
        found = _number(graph, user.input[place + 1]) if place + 1 < len(user.input) else None
        if found is not None:
            return found
    zero_point = spec_of(maker).zero_point
    stated = [_number(graph, given) for given in (maker.input if zero_point is None else maker.input[:zero_point])]
    known_scales = [value for value in stated if value is not None]
    if known_scales:
        return known_scales[-1]
    return known.get(maker.input[0]) if maker.input else None


def _number(graph: Graph, name: str) -> float | None:
    """The single float stored under a name, None where there is none."""
    stored = graph.constant(name) if name else None
    return (
        float(stored.reshape(-1)[0]) if stored is not None and stored.size == 1 and stored.dtype.kind == "f" else None
    )
