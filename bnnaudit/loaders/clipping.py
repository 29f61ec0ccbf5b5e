"""Where a default session of ONNX Runtime computes something else than the file says, on some processors.

Its x86 kernels for uint8 times int8 add every two products in 16 bits, clipped, unless the processor has VNNI. Two products
of a uint8 by a weight in [-64, 63] fit; beyond that 255 * 127 * 2 = 64,770 may become 32,767.
"""

from __future__ import annotations

from collections.abc import Iterator

from onnx import ModelProto, NodeProto, TensorProto

from bnnaudit.operators.graph import qualified_name
from bnnaudit.operators.weights import array_of

SAFE = (-64, 63)

# Operators on integers: the inputs with the zero point of the activations and with the weights.
INTEGER: dict[str, tuple[int, int]] = {
    "MatMulInteger": (2, 1),
    "QLinearConv": (2, 3),
    "QLinearMatMul": (2, 3),
    "com.microsoft.DynamicQuantizeMatMul": (3, 1),
    "com.microsoft.MatMulIntegerToFloat": (4, 1),
    "com.microsoft.QGemm": (2, 3),
}

# Operators on floats that a default session turns into those between (de)quantizers, activations of int8 into uint8.
FUSED = frozenset({"Conv", "Gemm", "MatMul"})
DEQUANTIZE = frozenset({"DequantizeLinear", "com.microsoft.DequantizeLinear"})

SIGNED_CONVOLUTION = "QLinearConv"


def clipping_note(proto: ModelProto) -> str:
    """What people must know who serve the file on such a processor; empty where no layer is concerned.

    Beside convolutions of int8 by int8 ONNX Runtime has no exact mode (see `open_session`), and the note says so.
    """
    products = list(_products(proto))
    layers = sum(_clips(*product) for product in products)
    if not layers:
        return ""
    clipped = f"{layers} layer{'' if layers == 1 else 's'} on x86 without VNNI"
    if any(op == SIGNED_CONVOLUTION and not _unsigned(zero_point) for op, zero_point, _ in products):
        return f"8-bit sums may be clipped in {clipped}"
    return f"8-bit sums exact (by default they may be clipped in {clipped}: session.x64quantprecision)"


def _products(proto: ModelProto) -> Iterator[tuple[str, TensorProto | None, TensorProto]]:
    """The layers on integers: their operator, the zero point of the activations where stored, the int8 weights."""
    stored = {tensor.name: tensor for tensor in proto.graph.initializer}
    makers = {name: node for node in proto.graph.node for name in node.output}
    for node in proto.graph.node:
        names = _factors(node, makers)
        weights = stored.get(names[1]) if names else None
        if names and weights is not None and weights.data_type == TensorProto.INT8:
            yield qualified_name(node), stored.get(names[0]), weights


def _factors(node: NodeProto, makers: dict[str, NodeProto]) -> tuple[str, str] | None:
    """The names of the activations' zero point and of the weights of a product of integers; None for other nodes."""
    op = qualified_name(node)
    if op in INTEGER:
        zero_point, weights = INTEGER[op]
        return _name(node, zero_point), _name(node, weights)
    if op not in FUSED:
        return None
    left, right = (makers.get(_name(node, position)) for position in (0, 1))
    if left is None or right is None or not {qualified_name(left), qualified_name(right)} <= DEQUANTIZE:
        return None
    return _name(left, 2), _name(right, 0)


def _name(node: NodeProto, position: int) -> str:
    return node.input[position] if position < len(node.input) else ""


def _clips(op: str, zero_point: TensorProto | None, weights: TensorProto) -> bool:
    values = array_of(weights)
    large = bool(values.size and (values.min() < SAFE[0] or values.max() > SAFE[1]))
    return large and (op in FUSED or _unsigned(zero_point))


def _unsigned(zero_point: TensorProto | None) -> bool:
    """Whether activations with this zero point are uint8, as they are where it is left out or computed."""
    return zero_point is None or zero_point.data_type == TensorProto.UINT8
