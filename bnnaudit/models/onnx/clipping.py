"""Where ONNX Runtime computes something other than the file says, on some processors.

Its x86 kernels for uint8 times int8 add every two products in 16 bits, clipped, unless the processor has VNNI. Two products
of a uint8 by a weight in [-64, 63] fit; beyond that 255 * 127 * 2 = 64,770 may become 32,767.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from onnx import ModelProto, NodeProto, TensorProto

from bnnaudit.onnx_import.graph.external_weights import array_of
from bnnaudit.onnx_import.graph.graph import attribute, qualified_name
from bnnaudit.onnx_import.operators import spec_of

SAFE_SIGNED = (-64, 63)
"""Int8 weights of which no two products with a uint8 overflow 16 bits."""
SAFE_UNSIGNED = (0, 127)
"""Uint8 numbers of which no two products with an int8 overflow 16 bits."""

FUSED = frozenset({"Conv", "Gemm", "MatMul"})
"""Products of floats that a default session turns into those between (de)quantizers, activations of int8 into uint8."""
SWAPPED = "ConvInteger"
"""Its kernel has the weights on the left."""
SIGNED_CONVOLUTION = "QLinearConv"
MIXED = (TensorProto.UINT8, TensorProto.INT8)


@dataclass(frozen=True, slots=True)
class _Product:
    """A layer on integers: its operator, the element types of its factors, and the right factor where it is stored."""

    op: str
    types: tuple[int, int]
    weights: TensorProto | None


def clipping_note(proto: ModelProto, exact_sums: bool = True) -> str:
    """What to know when serving the file on such a processor; empty where no layer is affected.

    exact_sums: the replay's session has them, as far as ONNX Runtime can.

    ONNX Runtime has no exact mode (see `open_session`) for weights that are computed, for ConvInteger, and for any layer
    beside a convolution of int8 by int8: the note says where the replay is concerned as well.
    """
    products = list(_products(proto))
    inexact = not exact_sums or any(
        product.op == SIGNED_CONVOLUTION and product.types[0] == TensorProto.INT8 for product in products
    )
    exact = [
        product.weights is not None and product.op != SWAPPED and not inexact for product in products if _clips(product)
    ]
    notes = []
    if any(exact):
        notes.append(
            f"8-bit sums exact (by default they may be clipped in {_layers(sum(exact))}: session.x64quantprecision)"
        )
    if not all(exact):
        notes.append(f"8-bit sums may be clipped in {_layers(len(exact) - sum(exact))}")
    return ", ".join(notes)


def _layers(count: int) -> str:
    return f"{count} layer{'' if count == 1 else 's'} on x86 without VNNI"


def _clips(product: _Product) -> bool:
    """Whether a default session may clip its sums."""
    if product.op in FUSED:
        return product.types[1] == TensorProto.INT8 and product.weights is not None and _large(product.weights)
    left, right = reversed(product.types) if product.op == SWAPPED else product.types
    return (left, right) == MIXED and (product.weights is None or _large(product.weights))


def _large(weights: TensorProto) -> bool:
    values = array_of(weights)
    low, high = SAFE_SIGNED if weights.data_type == TensorProto.INT8 else SAFE_UNSIGNED
    return bool(values.size and (values.min() < low or values.max() > high))


def _products(proto: ModelProto) -> Iterator[_Product]:
    types = _ElementTypes(proto)
    for node in proto.graph.node:
        op = qualified_name(node)
        factors = spec_of(node).integer_product
        if factors is not None:
            left, right = ([_name(node, position) for position in places] for places in factors)
        elif op in FUSED:
            makers = [types.makers.get(_name(node, position)) for position in (0, 1)]
            if any(maker is None or not spec_of(maker).dequantizes for maker in makers):
                continue
            left, right = ([_name(maker, position) for position in (2, 0)] for maker in makers if maker is not None)
        else:
            continue
        yield _Product(op, (types.of(*left), types.of(*right)), types.stored.get(right[-1]))


def _name(node: NodeProto, position: int) -> str:
    return node.input[position] if position < len(node.input) else ""


class _ElementTypes:
    """The element types of a graph's values, from what is stored, declared, or quantized."""

    def __init__(self, proto: ModelProto) -> None:
        graph = proto.graph
        self.stored = {tensor.name: tensor for tensor in graph.initializer}
        self.makers = {name: node for node in graph.node for name in node.output}
        self._known = {info.name: info.type.tensor_type.elem_type for info in (*graph.value_info, *graph.input)}
        self._known |= {name: tensor.data_type for name, tensor in self.stored.items()}

    def of(self, *names: str) -> int:
        """The first known type of the names; uint8, as the operators have it, where none is known."""
        return next((kind for name in names if (kind := self._trace(name))), TensorProto.UINT8)

    def _trace(self, name: str) -> int:
        """The type of one value, 0 where it is unknown: operators that only carry integers have that of their input."""
        seen = set()
        while name and name not in seen:
            seen.add(name)
            if self._known.get(name):
                return int(self._known[name])
            maker = self.makers.get(name)
            if maker is None:
                return 0
            if maker.op_type == "Cast":
                return int(attribute(maker, "to", 0))
            if maker.op_type == "DynamicQuantizeLinear":
                return int(TensorProto.UINT8)
            if maker.op_type == "QuantizeLinear":
                kind, name = int(attribute(maker, "output_dtype", 0)), _name(maker, 2)
                if kind:
                    return kind
            else:
                name = _name(maker, 0)
        return 0
