"""The quantization family of ONNX: its own cases, and what happens between quantizers, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper

from bnnaudit.onnx_import.graph.graph import Graph
from bnnaudit.onnx_import.operators import quantizer_of
from bnnaudit.quantization.uniform import GridQuantizer
from tests.onnx_import.backend_cases import QUANTIZATION, Case, Status, by_bnnaudit, cases, judge
from tests.onnx_import.building import by_runtime, imported, lowered, model_of, node, some_values

F32 = np.float32
OFFICIAL = [case for case in cases() if case.op in QUANTIZATION]


@pytest.mark.parametrize("case", OFFICIAL, ids=lambda case: case.name)
def test_official_cases(case: Case) -> None:
    judgement = judge(case, by_bnnaudit)
    assert judgement.status is Status.PASS, judgement.reason


def test_all_official_cases_are_there() -> None:
    assert len(OFFICIAL) >= 42


def between(*inner: NodeProto, scale: float = 0.05, zero: Any = None, **constants: Any) -> ModelProto:
    """x quantized to `q`, the inner nodes from there to `r`, and that dequantized to y."""
    stored = {"s": F32(scale), "z": np.uint8(120) if zero is None else zero} | constants
    nodes = [node("QuantizeLinear", "x s z", "q"), *inner, node("DequantizeLinear", "r s z", "y")]
    return model_of(nodes, [2, 3, 4, 4], stored, 17)


def integers(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, np.int64)


BETWEEN: dict[str, ModelProto] = {
    "MaxPool": between(node("MaxPool", "q", "r", kernel_shape=[2, 2], pads=[1, 0, 1, 0])),
    "Reshape": between(node("Reshape", "q to", "r"), to=integers(2, -1)),
    "Transpose": between(node("Transpose", "q", "r", perm=[0, 2, 3, 1])),
    "Concat": between(node("Concat", "q c", "r", axis=1), c=np.full((2, 1, 4, 4), 200, np.uint8)),
    "Gather": between(node("Gather", "q i", "r", axis=2), i=integers(3, 0, 0)),
    "Clip": between(node("Clip", "q low high", "r"), low=np.uint8(110), high=np.uint8(131)),
    "Relu, signed": between(node("Relu", "q", "r"), zero=np.int8(0)),
    "Slice": between(node("Slice", "q b e", "r"), b=integers(0, 1), e=integers(2, 3)),
    "Flatten": between(node("Flatten", "q", "r")),
    "Pad": between(node("Pad", "q p v", "r"), p=integers(0, 0, 1, 0, 0, 0, 0, 1), v=np.uint8(120)),
    "Max": between(node("Max", "q c", "r"), c=np.full((1, 3, 1, 1), 118, np.uint8)),
    "Cast to int32 and back": between(
        node("Cast", "q", "i", to=TensorProto.INT32),
        node("Add", "i one", "j"),
        node("Div", "j two", "k"),
        node("Cast", "k", "r", to=TensorProto.UINT8),
        one=np.int32(1),
        two=np.int32(2),
    ),
    "signed": between(node("Identity", "q", "r"), zero=np.int8(-7)),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_between_quantizers(name: str) -> None:
    values = some_values(2, 3, 4, 4) * 3
    network = imported(BETWEEN[name])
    inputs = torch.from_numpy(values).requires_grad_()
    scores = network(inputs)
    np.testing.assert_array_equal(scores.detach().numpy(), by_runtime(BETWEEN[name], values))
    scores.sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.isfinite().all()
    assert inputs.grad.any(), "the gradient passes what is done to quantized numbers"


@pytest.mark.parametrize(
    "kind", ["INT8", "UINT8", "INT16", "UINT16", "INT4", "UINT4", "FLOAT8E4M3FN", "FLOAT8E5M2", "FLOAT8E4M3FNUZ"]
)
@pytest.mark.parametrize("opset", [21, 23])
def test_types_for_each_channel(kind: str, opset: int) -> None:
    """Scales for each channel, saturation included."""
    code = TensorProto.DataType.Value(kind)
    zeros = [0] * 3 if kind.startswith("FLOAT") else [0, 1, 3]
    nodes = [node("QuantizeLinear", "x s z", "q", axis=1), node("DequantizeLinear", "q s z", axis=1)]
    made = model_of(nodes, [2, 3, 4, 4], {"s": np.array([0.1, 0.5, 1e-3], F32)}, opset)
    made.graph.initializer.append(helper.make_tensor("z", code, [3], zeros))
    values = some_values(2, 3, 4, 4) * 100
    with torch.no_grad():
        found = imported(made)(torch.from_numpy(values)).numpy()
    np.testing.assert_array_equal(found, by_runtime(made, values))


@pytest.mark.parametrize("opset", [10, 13, 19, 21])
def test_gradient_of_a_fake_quantizer(opset: int) -> None:
    """One inside of the range, zero where it saturates; forward mode and second derivatives too."""
    constants = {"s": F32(0.1), "z": np.uint8(100)}
    made = model_of([node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z")], [1, 6], constants, opset)
    network = imported(made)
    values = torch.tensor([[-11.0, -10.0, 0.02, 3.0, 15.4, 15.7]])
    inputs = values.clone().requires_grad_()
    (first,) = torch.autograd.grad((network(inputs) ** 2).sum(), inputs, create_graph=True)
    inside = torch.tensor([[0.0, 1, 1, 1, 1, 0]])
    torch.testing.assert_close(first, 2 * network(values) * inside)
    (second,) = torch.autograd.grad(first.sum(), inputs)
    torch.testing.assert_close(second, 2 * inside)
    _, forward = torch.func.jvp(network, (values,), (torch.ones_like(values),))
    torch.testing.assert_close(forward, inside)
    mapped = torch.func.vmap(torch.func.grad(lambda x: network(x[None]).sum()))(values.repeat(3, 1))
    torch.testing.assert_close(mapped, inside.repeat(3, 1))


def test_dynamic_quantization_by_its_own_range() -> None:
    weights = np.random.default_rng(0).integers(-127, 128, (6, 4)).astype(np.int8)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        node("MatMulInteger", "q w z wz", "i"),
        node("Cast", "i", "f", to=TensorProto.FLOAT),
        node("Mul", "s ws", "both"),
        node("Mul", "f both"),
    ]
    made = model_of(nodes, [5, 6], {"w": weights, "wz": np.int8(3), "ws": F32(0.01)}, 17)
    values = some_values(5, 6)
    network = imported(made)
    inputs = torch.from_numpy(values).requires_grad_()
    scores = network(inputs)
    np.testing.assert_allclose(scores.detach().numpy(), by_runtime(made, values), rtol=1e-6)
    scores.sum().backward()
    linear = torch.from_numpy((weights.astype(F32) - 3) * F32(0.01)).sum(1).expand(5, 6)
    torch.testing.assert_close(inputs.grad, linear, msg="that of the float product: scales count as constants")
    _, forward = torch.func.jvp(network, (torch.from_numpy(values),), (torch.ones(5, 6),))
    torch.testing.assert_close(forward.sum(), linear.sum())


def test_zeros_have_no_range() -> None:
    nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), node("DequantizeLinear", "q s z")]
    network = imported(model_of(nodes, [2, 3], {}, 17))
    assert network(torch.zeros(2, 3)).tolist() == [[0] * 3] * 2


# What people write for a uniform quantizer: nodes, constants, bits, range of the results.
WRITTEN: dict[str, tuple[list[NodeProto], dict[str, float], int, tuple[float, float]]] = {
    "clip behind": (
        [node("Div", "x s", "a"), node("Round", "a", "b"), node("Clip", "b l h", "c"), node("Mul", "c s")],
        {"s": 0.5, "l": -8, "h": 7},
        4,
        (-4, 3.5),
    ),
    "clip before": (
        [node("Mul", "x s", "a"), node("Clip", "a l h", "b"), node("Round", "b", "c"), node("Div", "c s")],
        {"s": 4, "l": 0, "h": 3},
        2,
        (0, 0.75),
    ),
    "clip before the scale": (
        [node("Clip", "x l h", "a"), node("Mul", "a s", "b"), node("Round", "b", "c"), node("Div", "c s")],
        {"s": 15, "l": 0, "h": 1},
        4,
        (0, 1),
    ),
    "zero point": (
        [
            node("Div", "x s", "a"),
            node("Round", "a", "b"),
            node("Add", "b z", "c"),
            node("Clip", "c l h", "d"),
            node("Sub", "d z", "e"),
            node("Mul", "e s"),
        ],
        {"s": 0.5, "z": 3, "l": 0, "h": 7},
        3,
        (-1.5, 2),
    ),
    "floor": (
        [node("Clip", "x l h", "a"), node("Mul", "a s", "b"), node("Floor", "b", "c"), node("Div", "c s")],
        {"s": 8, "l": -1, "h": 0.875},
        4,
        (-1, 0.875),
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_quantizers_written_with_plain_operators(name: str) -> None:
    nodes, constants, bits, ends = WRITTEN[name]
    made = model_of(nodes, [1, 81], {key: np.asarray(value, F32) for key, value in constants.items()}, 17)
    values = np.linspace(-6, 6, 81, dtype=F32).reshape(1, 81)
    graph = lowered(made)
    found = [kind for part in graph.nodes if (kind := quantizer_of(graph, part)) is not None]
    assert len(found) == 1
    assert (found[0].op, found[0].bits) == ("quantize", bits)
    assert (found[0].low, found[0].high) == pytest.approx(ends)
    network = imported(made)
    assert sum(isinstance(part, GridQuantizer) for part in network.modules()) == 1
    inputs = torch.from_numpy(values).requires_grad_()
    scores = network(inputs)
    np.testing.assert_array_equal(scores.detach().numpy(), by_runtime(made, values))
    scores.sum().backward()
    assert inputs.grad is not None
    assert set(inputs.grad.unique().tolist()) == {0, 1}
    if name in ("clip behind", "zero point"):
        inside = (values > ends[0] - constants["s"] / 2) & (values < ends[1] + constants["s"] / 2)
        assert inputs.grad.numpy()[inside].all(), "a clip behind a rounding passes the gradient of its end levels"


def test_a_rounding_without_ends_stays_one() -> None:
    made = model_of([node("Round", "x", "r"), node("Clip", "r l h")], ["n", 3], {"l": F32(0.3), "h": F32(7)}, 17)
    assert [part.op_type for part in lowered(made).nodes] == ["Round", "Clip"]


def test_weights_are_dequantized_once() -> None:
    """What is constant is computed by ONNX Runtime: no quantizer is left of stored weights."""
    constants = {"w": np.array([[1, -3], [5, 100]], np.int8), "s": F32(0.1), "z": np.int8(0)}
    made = model_of([node("DequantizeLinear", "w s z", "d"), node("MatMul", "x d")], ["n", 2], constants, 17)
    graph: Graph = lowered(made)
    assert [part.op_type for part in graph.nodes] == ["MatMul"]
    np.testing.assert_array_equal(graph.constant(graph.nodes[0].input[1]), constants["w"] * F32(0.1))
