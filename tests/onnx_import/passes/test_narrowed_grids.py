"""Quantizers that something limits to fewer numbers: to the bit what ONNX Runtime computes, with one quantizer's gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper
from torch import Tensor, nn

from bnnaudit.core.surrogate import Surrogate
from bnnaudit.onnx_import.graph.quantizer_kinds import QuantizerKind
from bnnaudit.onnx_import.operators import quantizer_of
from bnnaudit.quantization.fake_quantize import FakeQuantizer
from bnnaudit.quantization.quantizers import with_surrogate
from bnnaudit.quantization.relaxed import RelaxedNetwork
from tests.onnx_import.building import by_runtime, imported, lowered, model_of, node

F32 = np.float32
SCALE = F32(0.4)
VALUES = np.linspace(-5, 5, 402, dtype=F32).reshape(2, 3, 67)
"""No point is half way between two levels, where QONNX, which adds the zero point before it rounds, may decide otherwise."""
SURROGATES = ["identity", "clipped", "triangular", "tanh:2", "arctan:0.5:layer"]
INT8, UINT8, INT32, FLOAT = (TensorProto.DataType.Value(name) for name in ("INT8", "UINT8", "INT32", "FLOAT"))


def chain(*between: NodeProto, scale: Any = SCALE, zero: Any = None, opset: int = 17, **constants: Any) -> ModelProto:
    """x quantized to `q`, what is between, and that, `c`, dequantized to y."""
    settings = {"axis": 1} if np.size(scale) > 1 else {}
    first = node("QuantizeLinear", "x s z", "q", **settings)
    stored = {"s": np.asarray(scale, F32), "z": np.uint8(0) if zero is None else zero} | constants
    return model_of([first, *between, node("DequantizeLinear", "c s z", **settings)], list(VALUES.shape), stored, opset)


def qonnx(low: int, high: int, zero: float = 0.0, scale: Any = SCALE) -> ModelProto:
    """The same quantizer as QONNX writes it; low..high must be the numbers of some bits."""
    bits, signed = int(high - low + 1).bit_length() - 1, int(low < 0)
    assert (low, high) == ((-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1))
    shape = (1, -1, 1) if np.size(scale) > 1 else ()
    constants = {"s": np.asarray(scale, F32).reshape(shape), "z": F32(zero), "b": F32(bits)}
    one = node("Quant", "x s z b", signed=signed, narrow=0, rounding_mode="ROUND", domain="qonnx.custom_op.general")
    made = model_of([one], list(VALUES.shape), constants)
    made.opset_import.append(helper.make_opsetid("qonnx.custom_op.general", 1))
    return made


def found(made: ModelProto) -> list[QuantizerKind]:
    graph = lowered(made)
    return [kind for one in graph.nodes if (kind := quantizer_of(graph, one)) is not None]


def operators(made: ModelProto) -> list[str]:
    return [one.op_type for one in lowered(made).nodes]


def gradient(network: nn.Module, values: NDArray[np.float32] = VALUES) -> Tensor:
    inputs = torch.from_numpy(values).requires_grad_()
    scores = network(inputs)
    weights = torch.randn(scores.shape, generator=torch.Generator().manual_seed(0))
    return torch.autograd.grad((scores * weights).sum(), inputs)[0]


def check_values(made: ModelProto, values: NDArray[np.float32] = VALUES) -> nn.Module:
    """The network, which computes what ONNX Runtime does, with gradients and without."""
    network = imported(made)
    for context in (torch.no_grad, torch.enable_grad):
        with context():
            result = network(torch.from_numpy(values)).detach().numpy()
        np.testing.assert_array_equal(result, by_runtime(made, values))
    return network


CLIP = node("Clip", "q l h", "c")
OLD_CLIP = node("Clip", "f", "g", min=0.0, max=3.0)
UP, DOWN = node("Cast", "q", "f", to=FLOAT), node("Cast", "g", "c", to=UINT8)
SCALES = np.array([0.4, 0.25, 0.7], F32)

SAME: dict[str, tuple[ModelProto, ModelProto]] = {
    "unsigned 2 bits": (chain(CLIP, l=np.uint8(0), h=np.uint8(3)), qonnx(0, 3)),
    "signed 2 bits": (chain(CLIP, zero=np.int8(0), l=np.int8(-2), h=np.int8(1)), qonnx(-2, 1)),
    "3 bits": (chain(CLIP, zero=np.int8(0), l=np.int8(-4), h=np.int8(3)), qonnx(-4, 3)),
    "4 bits": (chain(CLIP, l=np.uint8(0), h=np.uint8(15)), qonnx(0, 15)),
    "a zero point": (chain(CLIP, zero=np.uint8(2), l=np.uint8(0), h=np.uint8(3)), qonnx(0, 3, 2.0)),
    "a scale for each channel": (
        chain(CLIP, scale=SCALES, zero=np.zeros(3, np.uint8), l=np.uint8(0), h=np.uint8(3)),
        qonnx(0, 3, scale=SCALES),
    ),
    "no lower end": (chain(node("Clip", "q - h", "c"), h=np.uint8(3)), qonnx(0, 3)),
    "no upper end": (
        chain(node("Clip", "q l", "d"), node("Min", "d h", "c"), zero=np.int8(0), l=np.int8(-2), h=np.int8(1)),
        qonnx(-2, 1),
    ),
    "ends that are vectors of one": (chain(CLIP, l=np.array([0], np.uint8), h=np.array([3], np.uint8)), qonnx(0, 3)),
    "ends in Constant nodes": (
        chain(
            node("Constant", "", "l", value=helper.make_tensor("", UINT8, [], [0])),
            node("Constant", "", "h", value=helper.make_tensor("", UINT8, [], [3])),
            CLIP,
        ),
        qonnx(0, 3),
    ),
    "a Min": (chain(node("Min", "h q", "c"), h=np.uint8(3)), qonnx(0, 3)),
    "a Max of a Min": (
        chain(node("Min", "q h", "m"), node("Max", "l m", "c"), zero=np.int8(0), l=np.int8(-2), h=np.int8(1)),
        qonnx(-2, 1),
    ),
    "a Relu and a Min": (
        chain(node("Relu", "q", "r"), node("Min", "r h", "c"), zero=np.int8(0), h=np.int8(3)),
        qonnx(0, 3),
    ),
    "two clips": (
        chain(node("Clip", "q l k", "d"), node("Clip", "d l h", "c"), l=np.uint8(0), k=np.uint8(7), h=np.uint8(3)),
        qonnx(0, 3),
    ),
    "a clip of floats, as before operator set 11": (chain(UP, OLD_CLIP, DOWN, opset=10), qonnx(0, 3)),
    "a clip of 32 bits beyond the type": (
        chain(
            node("Cast", "q", "f", to=INT32),
            node("Max", "f l", "e"),
            node("Min", "e h", "g"),
            DOWN,
            l=np.int32(-100000),
            h=np.int32(3),
            opset=13,
        ),
        qonnx(0, 3),
    ),
}
"""A chain between two types, and the one quantizer that it is."""


@pytest.mark.parametrize("name", SAME)
def test_the_chain_is_the_quantizer_that_qonnx_writes(name: str) -> None:
    """Kind and values, and the gradient to the bit where surrogates follow the levels, under every surrogate."""
    made, sibling = SAME[name]
    assert found(made) == found(sibling)
    assert len(operators(made)) == 2, "no clip and no cast is left"
    network, other = check_values(made), imported(sibling)
    np.testing.assert_array_equal(network(torch.from_numpy(VALUES)), other(torch.from_numpy(VALUES)))
    for text in SURROGATES:
        surrogate = Surrogate.parse(text)
        one, expected = (gradient(with_surrogate(net, surrogate)) for net in (network, other))
        assert expected.any()
        # More levels are one step with the gradient 1; QONNX multiplies by the scale and divides by it.
        few = "3 bits" != name != "4 bits"
        torch.testing.assert_close(one, expected, rtol=0 if few else 1e-6, atol=0, msg=text)


@pytest.mark.parametrize("opset", [*range(12, 24)])
def test_every_operator_set(opset: int) -> None:
    made = chain(CLIP, l=np.uint8(0), h=np.uint8(3), opset=opset)
    assert found(made) == found(qonnx(0, 3))
    surrogate = Surrogate.parse("triangular")
    one, other = (with_surrogate(net, surrogate) for net in (check_values(made), imported(qonnx(0, 3))))
    assert torch.equal(gradient(one), gradient(other))


def test_a_smooth_stair_stands_for_it() -> None:
    made = chain(CLIP, l=np.uint8(0), h=np.uint8(3))
    values = torch.from_numpy(VALUES)
    surrogate = Surrogate.parse("relaxed:0.2:absolute")
    one, other = (RelaxedNetwork(imported(net), surrogate)(values) for net in (made, qonnx(0, 3)))
    assert torch.equal(one, other)
    assert not torch.equal(one, imported(made)(values))


@pytest.mark.parametrize(("low", "high", "fused"), [(0, 3, 0), (0, 4, 1), (0, 15, 1), (1, 9, 1)])
def test_more_than_a_few_levels_are_taken_in_one_step(low: int, high: int, fused: int) -> None:
    made = chain(CLIP, zero=np.uint8(1), l=np.uint8(low), h=np.uint8(high))
    network = check_values(made)
    assert sum(isinstance(part, FakeQuantizer) for part in network.modules()) == fused
    whole = np.rint(VALUES / SCALE) + 1
    inside = torch.from_numpy((whole >= low) & (whole <= high))
    assert torch.equal(gradient(network) != 0, inside), "the gradient passes at the end levels too"


def test_weights_are_computed_once() -> None:
    nodes = [
        node("QuantizeLinear", "w s z", "q", axis=1),
        node("Clip", "q l h", "c"),
        node("DequantizeLinear", "c s z", "d", axis=1),
        node("MatMul", "x d"),
    ]
    weights = np.random.default_rng(0).standard_normal((67, 3)).astype(F32)
    scales, zeros = np.array([0.3, 0.5, 0.9], F32), np.zeros(3, np.int8)
    made = model_of(
        nodes,
        list(VALUES.shape),
        {"w": weights, "s": scales, "z": zeros, "l": np.int8(-2), "h": np.int8(1)},
    )
    graph = lowered(made)
    assert [one.op_type for one in graph.nodes] == ["MatMul"]
    expected = np.clip(np.rint(weights / scales), -2, 1) * scales
    np.testing.assert_array_equal(graph.constant(graph.nodes[0].input[1]), expected)


def test_two_clips_beside_each_other() -> None:
    """Where they are alike both go; else the wider one does, and the quantizer has what it leaves."""
    ends = {"l": np.uint8(0), "h": np.uint8(3), "k": np.uint8(7)}
    second = [node("DequantizeLinear", "e s z", "f"), node("DequantizeLinear", "c s z", "g"), node("Add", "f g")]
    for name, bits, clips in (("h", 2, 0), ("k", 3, 1)):
        nodes = [node("QuantizeLinear", "x s z", "q"), CLIP, node("Clip", f"q l {name}", "e"), *second]
        used = {key: ends[key] for key in ("l", "h", name)}
        made = model_of(nodes, list(VALUES.shape), {"s": SCALE, "z": np.uint8(0), **used})
        assert [kind.bits for kind in found(made)] == [bits]
        assert operators(made).count("Clip") == clips
        check_values(made)


def test_a_clip_behind_other_quantizers() -> None:
    """Operators that quantize what they compute."""
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("QLinearMatMul", "q s z w s wz t z", "m"),
        node("Clip", "m l h", "c"),
        node("DequantizeLinear", "c t z"),
    ]
    weights = np.random.default_rng(0).integers(-9, 9, (67, 4)).astype(np.int8)
    ends = {"l": np.uint8(126), "h": np.uint8(129)}
    constants = {"s": F32(0.1), "t": F32(2), "z": np.uint8(128), "w": weights, "wz": np.int8(0), **ends}
    made = model_of(nodes, list(VALUES.shape), constants)
    assert [kind.bits for kind in found(made)] == [8, 2]
    assert "Clip" not in operators(made)
    network = check_values(made)
    flat, shaped = (gradient(with_surrogate(network, Surrogate.parse(text))) for text in ("identity", "triangular"))
    assert not torch.equal(flat, shaped)


BEFORE: dict[str, tuple[list[NodeProto], dict[str, Any], int]] = {
    "Clip": ([node("Clip", "x l h", "a")], {"l": F32(0), "h": 3 * SCALE}, 4),
    "Clip that ends between two levels": ([node("Clip", "x l h", "a")], {"l": F32(0.01), "h": F32(1.3)}, 4),
    "Min of a Max": ([node("Max", "x l", "m"), node("Min", "m h", "a")], {"l": F32(0), "h": F32(1)}, 3),
    "Min, and the type's own end": ([node("Min", "x h", "a")], {"h": F32(0.8)}, 3),
    "Clip and a Reshape": (
        [node("Clip", "x l h", "b"), node("Reshape", "b to", "a")],
        {"l": F32(0), "h": F32(1), "to": np.array(VALUES.shape, np.int64)},
        3,
    ),
}


@pytest.mark.parametrize("name", BEFORE)
def test_a_limit_of_floats_that_leaves_few_levels(name: str) -> None:
    before, constants, levels = BEFORE[name]
    nodes = [*before, node("QuantizeLinear", "a s z", "q"), node("DequantizeLinear", "q s z")]
    made = model_of(nodes, list(VALUES.shape), {"s": SCALE, "z": np.uint8(0), **constants})
    assert found(made) == [QuantizerKind("quantize", 2, 0.0, pytest.approx(float((levels - 1) * SCALE)))]
    network = check_values(made)
    assert len(np.unique(network(torch.from_numpy(VALUES)).numpy())) == levels
    flat, shaped = (gradient(with_surrogate(network, Surrogate.parse(text))) for text in ("identity", "triangular"))
    assert shaped.any()
    assert not torch.equal(flat, shaped)


STAYS: dict[str, ModelProto] = {
    "computed ends": chain(node("ReduceMin", "q", "l", keepdims=0), node("Clip", "q l h", "c"), h=np.uint8(3)),
    "crossed ends": chain(CLIP, l=np.uint8(5), h=np.uint8(3)),
    "one level": chain(CLIP, l=np.uint8(3), h=np.uint8(3)),
    "different ends": chain(node("Min", "q h", "c"), h=np.array([[[3], [4], [5]]], np.uint8)),
    "ends that are no whole numbers": chain(UP, node("Clip", "f", "g", min=0.0, max=2.5), DOWN, opset=10),
    "a cast that cuts": chain(
        node("Cast", "q", "f", to=INT8), node("Cast", "f", "g", to=UINT8), node("Min", "g h", "c"), h=np.uint8(200)
    ),
}


@pytest.mark.parametrize("name", STAYS)
def test_what_is_left_as_it_is(name: str) -> None:
    made = STAYS[name]
    assert found(made)[0].bits == 8
    check_values(made)


def test_a_quantizer_that_others_use_as_it_is_keeps_its_levels() -> None:
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        CLIP,
        node("DequantizeLinear", "c s z", "d"),
        node("DequantizeLinear", "q s z", "e"),
        node("Add", "d e"),
    ]
    ends = {"l": np.uint8(0), "h": np.uint8(3)}
    made = model_of(nodes, list(VALUES.shape), {"s": SCALE, "z": np.uint8(0), **ends})
    assert [kind.bits for kind in found(made)] == [8]
    assert "Clip" in operators(made)
    check_values(made)


def test_what_the_graph_returns_stays() -> None:
    nodes = [node("QuantizeLinear", "x s z", "q"), node("Clip", "q l h")]
    ends = {"l": np.uint8(0), "h": np.uint8(3)}
    made = model_of(nodes, list(VALUES.shape), {"s": SCALE, "z": np.uint8(0), **ends}, output_type=UINT8)
    assert [kind.bits for kind in found(made)] == [2]
    check_values(made)


ODD: dict[str, dict[str, Any]] = {
    "no number": {"h": F32(np.nan)},
    "crossed ends": {"l": F32(2), "h": F32(1)},
    "a negative scale": {"s": F32(-0.4)},
    "a scale of zero": {"s": F32(0)},
    "more zero points than scales": {"z": np.zeros(4, np.uint8)},
    "one level": {"h": F32(0.1)},
}


@pytest.mark.parametrize("name", ODD)
def test_a_limit_of_floats_that_says_nothing(name: str) -> None:
    nodes = [node("Clip", "x l h", "a"), node("QuantizeLinear", "a s z", "q"), node("DequantizeLinear", "q s z")]
    constants = {"s": SCALE, "z": np.uint8(0), "l": F32(0), "h": F32(1)} | ODD[name]
    assert [kind.bits for kind in found(model_of(nodes, list(VALUES.shape), constants))] == [8]


@pytest.mark.parametrize("before", ["Relu", "Clip"])
def test_an_int8_quantizer_behind_a_relu_has_eight_bits(before: str) -> None:
    first = node("Relu", "x", "a") if before == "Relu" else node("Clip", "x l", "a")
    nodes = [first, node("QuantizeLinear", "a s z", "q"), node("DequantizeLinear", "q s z")]
    constants = {"s": SCALE, "z": np.int8(0)} | ({"l": F32(0)} if before == "Clip" else {})
    made = model_of(nodes, list(VALUES.shape), constants)
    assert [kind.bits for kind in found(made)] == [8]
    assert sum(isinstance(part, FakeQuantizer) for part in check_values(made).modules()) == 1


def test_an_end_that_repeats_the_values_is_no_limit() -> None:
    """A Min with a tensor of equal numbers that is larger than the values makes more of them."""
    shape = [2, *VALUES.shape]
    made = chain(node("Min", "q h", "c"), h=np.full(shape, 3, np.uint8))
    network = check_values(made)
    assert list(network(torch.from_numpy(VALUES)).shape) == shape
    nodes = [node("Max", "x l", "m"), node("Min", "m h")]
    check_values(model_of(nodes, list(VALUES.shape), {"l": F32(0), "h": np.full(shape, 3, F32)}))
