"""The bits of each layer's weights: as the file states them, by a quantizer or the type that they are stored in, and by value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto

from bnnaudit.models.weight_bits import bits_of
from bnnaudit.onnx_import.graph.graph import QONNX_DOMAINS, STANDARD_DOMAIN, Graph, attribute, input_at, qualified_name
from bnnaudit.onnx_import.operators import spec_of

NUMBERS = frozenset("fiuV")
"""Kinds of NumPy types that are numbers: floats, whole numbers, and the short ones that NumPy itself lacks."""
WIDTH_AT = {f"{domain}.{op}": 3 for domain in QONNX_DOMAINS for op in ("Quant", "IntQuant")}
"""Quantizers with a number of bits, and the input that holds it."""
ONE_BIT = frozenset(f"{domain}.BipolarQuant" for domain in QONNX_DOMAINS)
NARROW = {"INT2": 2, "UINT2": 2, "INT4": 4, "UINT4": 4}
CONTAINERS = {"INT8": 8, "UINT8": 8, "INT16": 16, "UINT16": 16}
"""Types that hold weights of their own width or of any smaller one."""
SURELY_BINARY = 32
"""Weights of two values that are binary whatever the width of their type: of two bits each, chance leaves so many so few values
once in 10**9."""
KEEPING = frozenset({"Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"})
"""Operators behind which weights are what they were."""


@dataclass(frozen=True, slots=True)
class StatedBits:
    """`exact` is False where the type only says that there are no more bits."""

    bits: int
    exact: bool


def bits_of_layers(graph: Graph, proto: ModelProto) -> list[int]:
    """The bits of the stored weights of every layer of the simplified `graph` of a file."""
    stated = _stated_bits(proto)
    found = []
    for name, weights, axis in _weights(graph):
        known = stated.get(name)
        bits = bits_of(weights, axis)
        if known is not None and known.exact and not (bits == 1 and weights.size >= SURELY_BINARY):
            bits = known.bits
        found.append(bits if known is None else min(bits, known.bits))
    return found


def _weights(graph: Graph) -> Iterator[tuple[str, NDArray[Any], int]]:
    """The stored weights of layers, each with its name and its axis of output channels."""
    for node in graph.nodes:
        for position, axis in spec_of(node).weights.items():
            weights = graph.constant(input_at(node, position))
            if weights is not None and weights.ndim >= 2 and weights.dtype.kind in NUMBERS:
                channels = 0 if attribute(node, "transB", 0) and axis == 1 else axis
                yield node.input[position], weights, channels


def _stated_bits(proto: ModelProto) -> dict[str, StatedBits]:
    """What a file says of the bits of its values, by their names; only of those that quantized weights can be."""
    graph = Graph(proto)
    found: dict[str, StatedBits] = {}
    for node in graph.nodes:
        stated = _stated(graph, node)
        if stated is None and node.domain == STANDARD_DOMAIN and node.op_type in KEEPING:
            stated = found.get(node.input[0])
        if stated is not None:
            found[node.output[0]] = stated
    return found


def _stated(graph: Graph, node: NodeProto) -> StatedBits | None:
    name = qualified_name(node)
    if name in ONE_BIT:
        return StatedBits(1, exact=True)
    if name in WIDTH_AT and len(node.input) > WIDTH_AT[name]:
        width = graph.number(node.input[WIDTH_AT[name]])
        return None if width is None or not 1 <= width <= 32 else StatedBits(int(np.ceil(width)), exact=True)
    if spec_of(node).dequantizes and node.input[0] in graph.initializers:
        kind = TensorProto.DataType.Name(graph.element_type(node.input[0]))
        if kind in NARROW:
            return StatedBits(NARROW[kind], exact=True)
        return StatedBits(CONTAINERS[kind], exact=False) if kind in CONTAINERS else None
    return None
