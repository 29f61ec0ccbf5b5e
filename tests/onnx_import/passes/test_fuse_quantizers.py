"""Quantizers in one step: to the bit what ONNX Runtime computes, with the gradient of the two operators taken apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper
from torch import Tensor, nn

from bnnaudit.quantization.fake_quantize import RELU, Bounds, FakeQuantizer, is_in_one_step
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.quantizers import named_quantizers
from bnnaudit.quantization.step_hooks import StepTaken, step_hook
from tests.onnx_import.building import by_runtime, imported, model_of, node

F32 = np.float32
PAIR = [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z")]
TYPES = {
    "INT8": (-7, [10, 13, 19, 21]),
    "UINT8": (131, [10, 13, 19, 21]),
    "INT16": (-1000, [21]),
    "UINT16": (40000, [21]),
    "INT4": (3, [21]),
    "UINT4": (9, [21]),
}
"""Zero point of each type, and the operator sets that have it."""


def stored(kind: str, numbers: list[int], dims: list[int]) -> TensorProto:
    return helper.make_tensor("z", TensorProto.DataType.Value(kind), dims, numbers)


def edges(scale: float, levels: int = 40) -> NDArray[np.float32]:
    """Every point half way between two levels about zero, both numbers beside it, and points far out."""
    halves = (np.arange(-levels, levels) + 0.5).astype(F32) * F32(scale)
    beside = [np.nextafter(halves, F32(side)) for side in (-np.inf, np.inf)]
    far = np.array([0, -0.0, 1e-30, -1e30, 1e30, np.inf, -np.inf], F32)
    spread = np.random.default_rng(0).standard_normal(500).astype(F32) * F32(scale * 50)
    return np.concatenate([halves, *beside, far, spread, spread * F32(1000)])[None]


def in_one_step(network: nn.Module) -> int:
    return sum(isinstance(part, FakeQuantizer) for part in network.modules())


@pytest.mark.parametrize("scale", [0.1, 0.0078125, 3.0, 0.0123456])
@pytest.mark.parametrize(("kind", "opset"), [(kind, opset) for kind, (_, sets) in TYPES.items() for opset in sets])
def test_values_are_those_of_onnx_runtime(kind: str, opset: int, scale: float) -> None:
    zero = TYPES[kind][0]
    values = edges(scale)
    made = model_of(PAIR, list(values.shape), {"s": F32(scale)}, opset)
    made.graph.initializer.append(stored(kind, [zero], []))
    network = imported(made)
    assert in_one_step(network) == 1
    for context in (torch.no_grad, torch.enable_grad):
        with context():
            found = network(torch.from_numpy(values))
        np.testing.assert_array_equal(found.detach().numpy(), by_runtime(made, values))


BEFORE: dict[str, tuple[NodeProto, dict[str, Any]]] = {
    "Relu": (node("Relu", "x", "a"), {}),
    "Clip": (node("Clip", "x low high", "a"), {"low": F32(0), "high": F32(6)}),
    "Clip from below": (node("Clip", "x low", "a"), {"low": F32(-0.73)}),
    "Clip from above": (node("Clip", "x  high", "a"), {"high": F32(2.05)}),
}


def with_before(name: str, zero: int = -7, scale: float = 0.1) -> tuple[ModelProto, NDArray[np.float32]]:
    before, constants = BEFORE[name]
    values = np.concatenate([edges(scale), [[F32(0), F32(6), F32(-0.73), F32(2.05)]]], axis=1).astype(F32)
    nodes = [before, node("QuantizeLinear", "a s z", "q"), node("DequantizeLinear", "q s z")]
    return model_of(nodes, list(values.shape), {"s": F32(scale), "z": np.int8(zero), **constants}, 17), values


class Apart(nn.Module):
    """A network whose quantizers are watched, and so take their two steps apart."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.steps: list[StepTaken] = []

    def forward(self, values: Tensor) -> Tensor:
        with step_hook(self.steps.append):
            result: Tensor = self.network(values)
        return result


@pytest.mark.parametrize("zero", [-128, -7, 0])
@pytest.mark.parametrize("name", BEFORE)
def test_what_comes_before_is_taken_along(name: str, zero: int) -> None:
    """Values of ONNX Runtime, and at every edge the gradient of the operators one by one."""
    made, values = with_before(name, zero)
    network = imported(made)
    assert in_one_step(network) == 1
    assert not [part for part in network.modules() if type(part).__name__ in ("Clip", "Function", "ReLU", "OnnxRelu")]
    one, apart = (torch.from_numpy(values).requires_grad_() for _ in range(2))
    found, watched = network(one), Apart(network)
    expected = watched(apart)
    np.testing.assert_array_equal(found.detach().numpy(), by_runtime(made, values))
    np.testing.assert_array_equal(expected.detach().numpy(), found.detach().numpy())
    assert len(watched.steps) == 1
    found.sum().backward()
    expected.sum().backward()
    assert one.grad is not None
    assert apart.grad is not None
    finite = torch.from_numpy(np.isfinite(values))
    torch.testing.assert_close(one.grad[finite], apart.grad[finite], rtol=1e-6, atol=0)
    assert set(one.grad.unique().tolist()) == {0.0, 1.0}


def test_in_double_precision() -> None:
    made, values = with_before("Relu")
    network = imported(made).double()
    inputs = torch.from_numpy(values).double().requires_grad_()
    found = network(inputs)
    assert found.dtype is torch.float64
    (gradient,) = torch.autograd.grad(found.sum(), inputs)
    again = inputs.detach().requires_grad_()
    (expected,) = torch.autograd.grad(Apart(network)(again).sum(), again)
    finite = inputs.isfinite()
    torch.testing.assert_close(gradient[finite], expected[finite])


def test_several_users_share_one_step() -> None:
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "a"),
        node("Abs", "a", "b"),
        node("DequantizeLinear", "q s2 z2", "c"),
        node("Add", "b c"),
    ]
    constants = {"s": F32(0.1), "z": np.int8(3), "s2": F32(0.1), "z2": np.int8(3)}
    values = edges(0.1)
    made = model_of(nodes, list(values.shape), constants, 17)
    network = imported(made)
    assert [name for name, _ in named_quantizers(network)] != []
    assert (in_one_step(network), len(list(named_quantizers(network)))) == (1, 1)
    np.testing.assert_array_equal(network(torch.from_numpy(values)).detach().numpy(), by_runtime(made, values))


def stays(nodes: list[NodeProto], constants: dict[str, Any], opset: int = 21, shape: list[int] | None = None) -> None:
    """Asserts that the quantizers are taken one by one, and are right."""
    made = model_of(nodes, shape or [2, 3, 4, 4], constants, opset)
    values = np.random.default_rng(1).standard_normal(shape or [2, 3, 4, 4]).astype(F32) * 3
    network = imported(made)
    assert in_one_step(network) == 0
    np.testing.assert_array_equal(network(torch.from_numpy(values)).detach().numpy(), by_runtime(made, values))


def test_what_cannot_be_taken_in_one_step() -> None:
    own = {"s": F32(0.1), "z": np.int8(3)}
    each = [node("QuantizeLinear", "x s z", "q", axis=1), node("DequantizeLinear", "q s z", axis=1)]
    stays(each, {"s": np.array([0.1, 0.2, 0.3], F32), "z": np.array([1, 2, 3], np.int8)})
    blocked = [node("QuantizeLinear", "x s z", "q", axis=1, block_size=2)]
    blocked.append(node("DequantizeLinear", "q s z", axis=1, block_size=2))
    scales = np.array([[0.1, 0.2], [0.3, 0.4]], F32)
    stays(blocked, {"s": scales, "z": np.array([[1, 2], [3, 4]], np.int8)}, shape=[2, 4])
    stays([PAIR[0], node("DequantizeLinear", "q s2 z")], {**own, "s2": F32(0.2)})
    stays([PAIR[0], node("DequantizeLinear", "q s z2")], {**own, "z2": np.int8(4)})
    between = [PAIR[0], node("MaxPool", "q", "r", kernel_shape=[2, 2]), node("DequantizeLinear", "r s z")]
    stays(between, own)
    two = [PAIR[0], node("DequantizeLinear", "q s z", "a"), node("DequantizeLinear", "q s2 z", "b"), node("Add", "a b")]
    stays(two, {**own, "s2": F32(0.2)})


def test_a_relu_that_others_use_stays() -> None:
    nodes = [node("Relu", "x", "a"), PAIR[0], node("DequantizeLinear", "q s z", "d"), node("Add", "a d")]
    nodes[1] = node("QuantizeLinear", "a s z", "q")
    values = edges(0.1)
    values = values[np.isfinite(values)][None]
    made = model_of(nodes, list(values.shape), {"s": F32(0.1), "z": np.int8(-128)}, 17)
    np.testing.assert_array_equal(imported(made)(torch.from_numpy(values)).detach().numpy(), by_runtime(made, values))


@pytest.mark.parametrize(
    ("grid", "scale", "expected"),
    [
        (Grid.whole(8, True), 0.1, True),
        (Grid.whole(3, False), 0.1, True),
        (Grid.whole(2, False), 0.1, False),
        (Grid.floats(8, 3, 7, 448.0), 0.1, False),
        (Grid.whole(8, True), 0.0, False),
        (Grid.whole(8, True), -0.1, False),
        (Grid.whole(8, True), float("inf"), False),
        (Grid.whole(8, True), float("nan"), False),
    ],
)
def test_which_grids(grid: Grid, scale: float, expected: bool) -> None:
    assert is_in_one_step(grid, scale) is expected


def test_nothing_is_kept_but_the_input() -> None:
    """What the backward pass needs is the tensor that the layer before has made anyway."""
    kept: list[Tensor] = []
    quantizer = FakeQuantizer(Grid.whole(8, True), torch.tensor(0.1), 0.0, RELU)
    values = torch.randn(50, requires_grad=True)

    def note(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        quantizer(values)
    assert [tensor.data_ptr() for tensor in kept] == [values.data_ptr()] * len(kept)


def test_bounds_that_lie_beyond_the_grid() -> None:
    """A Clip whose range the grid does not reach leaves one level."""
    quantizer = FakeQuantizer(Grid.whole(8, True), torch.tensor(0.1), 0.0, Bounds(20.0, 30.0))
    assert quantizer(torch.tensor([-5.0, 25.0, 50.0])).tolist() == pytest.approx([12.7] * 3)


def test_what_would_be_rounded_can_be_had_too() -> None:
    """Where `rounds` is unset: the values themselves, behind the Relu that was taken along."""
    quantizer = FakeQuantizer(Grid.whole(8, True), torch.tensor(0.5), 3.0, RELU)
    quantizer.rounds = False
    assert quantizer(torch.tensor([-1.0, 0.3, 1000.0])).tolist() == pytest.approx([0.0, 0.3, 1000.0])
