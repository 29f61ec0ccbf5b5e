"""QONNX's operators: the differentiable import, and the standard nodes for runtimes, against QONNX's definitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from bnnaudit.onnx_import.graph.graph import QONNX_DOMAINS, Graph
from bnnaudit.onnx_import.passes.qonnx_to_standard import to_standard_form
from bnnaudit.onnx_import.runtime import open_session
from tests.onnx_import.building import imported, model_of

F32 = np.float32
VALUES = (np.arange(-60, 61).reshape(1, 121) / 8).astype(F32)
QONNX = QONNX_DOMAINS[0]

ROUND: dict[str, Callable[[Any], Any]] = {
    "ROUND": np.round,
    "HALF_EVEN": np.round,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "UP": lambda x: np.where(x > 0, np.ceil(x), np.floor(x)),
    "DOWN": np.trunc,
    "ROUND_TO_ZERO": np.trunc,
    "HALF_UP": lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
    "HALF_DOWN": lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
}


def model(op: str, constants: dict[str, Any], opset: int = 13, domain: str = QONNX, **settings: Any) -> ModelProto:
    """One node between an input of 121 numbers and a Relu's negation, so that shapes are needed behind it."""
    nodes = [
        helper.make_node(op, ["x", *constants], ["q"], name="quantizer", domain=domain, **settings),
        helper.make_node("Neg", ["q"], ["y"], name="behind"),
    ]
    shape = [*VALUES.shape]
    made = model_of(nodes, shape, {name: np.asarray(value, F32) for name, value in constants.items()}, opset)
    made.opset_import.append(helper.make_opsetid(domain, 1))
    made.ir_version = 8
    return made


def both(made: ModelProto, values: NDArray[Any] = VALUES) -> tuple[NDArray[Any], NDArray[Any]]:
    """What the import computes, and what ONNX Runtime makes of the standard nodes."""
    with torch.no_grad():
        ours = -imported(made)(torch.from_numpy(values)).numpy()
    standard = ModelProto()
    standard.CopyFrom(made)
    session = open_session(to_standard_form(standard).SerializeToString())
    (theirs,) = session.run(None, {"x": values})
    return ours, -theirs


def quant(x: Any, scale: Any, zero: Any, bits: int, signed: int, narrow: int, mode: str) -> Any:
    """The definition."""
    y = x / F32(scale) + F32(zero)
    if bits == 1 and signed:
        y = np.where(y >= 0, F32(1), F32(-1))
    else:
        low, high = (-(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1 - narrow)
        y = ROUND[mode](np.clip(y, low, high))
    return ((y - F32(zero)) * F32(scale)).astype(F32)


@pytest.mark.parametrize("opset", [9, 13, 20])
@pytest.mark.parametrize("mode", ROUND)
@pytest.mark.parametrize(
    ("bits", "signed", "narrow", "scale", "zero"),
    [(2, 1, 1, 1.0, 0.0), (4, 1, 0, 0.5, 0.0), (3, 0, 0, 0.25, 3.0), (8, 0, 1, 0.03, 10.0), (1, 1, 0, 0.7, 0.0)],
)
def test_quant(mode: str, bits: int, signed: int, narrow: int, scale: float, zero: float, opset: int) -> None:
    made = model(
        "Quant",
        {"scale": scale, "zero": zero, "bits": bits},
        opset,
        rounding_mode=mode,
        signed=signed,
        narrow=narrow,
    )
    expected = quant(VALUES, scale, zero, bits, signed, narrow, mode)
    for found in both(made):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("domain", QONNX_DOMAINS)
@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
def test_names_and_scales_for_each_channel(domain: str, op: str) -> None:
    scale = np.linspace(0.1, 1, 121).astype(F32).reshape(1, 121)
    made = model(op, {"scale": scale, "zero": 0, "bits": 3}, domain=domain, signed=1, narrow=0, rounding_mode="ROUND")
    for found in both(made):
        np.testing.assert_array_equal(found, quant(VALUES, scale, 0, 3, 1, 0, "ROUND"))


KINDS = [np.int64, np.int32, np.int8, np.uint8, np.float64, np.float16]


def retyped(made: ModelProto, kind: type, stored: bool, *names: str) -> ModelProto:
    """The model with some of its constants as numbers of another type, stored ones or Constant nodes."""
    for tensor in [tensor for tensor in made.graph.initializer if tensor.name in names]:
        other = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(kind), tensor.name)
        if stored:
            tensor.CopyFrom(other)
        else:
            made.graph.initializer.remove(tensor)
            made.graph.node.insert(0, helper.make_node("Constant", [], [tensor.name], value=other))
    return made


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_any_type(kind: type, stored: bool) -> None:
    """As QKeras' exporter writes zero points and bit widths."""
    constants = {"scale": 0.25, "zero": 3, "bits": 4}
    plain = quant(VALUES, 0.25, 3, 4, 1, 0, "ROUND")
    for found in both(retyped(model("Quant", constants), kind, stored, "zero", "bits")):
        np.testing.assert_array_equal(found, plain)
    constants = {"scale": 0.25, "zero": 4, "in": 8, "out": 6}
    expected = (np.floor(np.round(VALUES / F32(0.25) + 4) / 4) - 4) * F32(0.25)
    for found in both(retyped(model("Trunc", constants), kind, stored, "zero", "in", "out")):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", [np.int64, np.int8, np.float64])
def test_scales_of_any_type(kind: type) -> None:
    for found in both(retyped(model("BipolarQuant", {"scale": 2}), kind, True, "scale")):
        np.testing.assert_array_equal(found, np.where(VALUES >= 0, F32(2), F32(-2)))
    made = retyped(model("Quant", {"scale": 2, "zero": 0, "bits": 3}), kind, True, "scale", "zero", "bits")
    for found in both(made):
        np.testing.assert_array_equal(found, quant(VALUES, 2, 0, 3, 1, 0, "ROUND"))


def test_a_zero_point_that_is_computed() -> None:
    made = model("Quant", {"scale": 0.25, "zero": 0, "bits": 4})
    made.graph.node[0].input[2] = "count"
    made.graph.node.insert(0, helper.make_node("Size", ["x"], ["count"]))
    for found in both(made):
        np.testing.assert_array_equal(found, quant(VALUES, 0.25, 121, 4, 1, 0, "ROUND"))


def test_bipolar_quant() -> None:
    for found in both(model("BipolarQuant", {"scale": 0.3})):
        np.testing.assert_array_equal(found, np.where(VALUES >= 0, F32(0.3), F32(-0.3)))


@pytest.mark.parametrize("mode", ["FLOOR", "ROUND", "CEIL"])
def test_trunc(mode: str) -> None:
    made = model("Trunc", {"scale": 0.25, "zero": 0, "in": 8, "out": 6}, rounding_mode=mode)
    expected = ROUND[mode](np.round(VALUES / F32(0.25)) / 4) * F32(0.25)
    for found in both(made):
        np.testing.assert_array_equal(found, expected)


def test_trunc_with_a_scale_of_its_own() -> None:
    constants = {"scale": 0.25, "zero": 4, "in": 8, "own": 1.0, "out": 4}
    made = model("Trunc", constants, rounding_mode="FLOOR", signed=1, narrow=0)
    cut = np.clip(np.floor((np.round(VALUES / F32(0.25) + 4)) / 4), -8, 7)
    for found in both(made):
        np.testing.assert_array_equal(found, cut - 1)


@pytest.mark.parametrize(
    ("exponent", "mantissa", "bias", "largest"), [(4, 3, 7, 480.0), (2, 1, 1, 6.0), (3, 2, 3, 28.0)]
)
def test_float_quant(exponent: int, mantissa: int, bias: int, largest: float) -> None:
    """Without codes for infinity or no number; the grid written out."""
    constants = {"scale": 0.5, "e": exponent, "m": mantissa, "bias": bias, "largest": largest}
    made = model("FloatQuant", constants, has_inf=0, has_nan=0, has_subnormal=1, saturation=1, signed=1)
    scaled = VALUES.astype(np.float64) * 2
    power = np.maximum(np.floor(np.log2(np.abs(scaled) + 1e-300)), 1 - bias) - mantissa
    expected = np.clip(np.round(scaled / 2**power) * 2**power, -largest, largest) / 2
    for found in both(made):
        np.testing.assert_array_equal(found, expected)
    del constants["largest"]
    made = model("FloatQuant", constants, has_inf=0, has_nan=0, has_subnormal=1, saturation=1, signed=1)
    np.testing.assert_array_equal(both(made)[0], both(made)[1])


@pytest.mark.parametrize(("layout", "shape"), [("NCHW", (2, 3, 4, 5)), ("NHWC", (2, 4, 5, 3)), ("NC", (6, 3))])
@pytest.mark.parametrize("steps", [1, 7])
def test_multi_threshold(layout: str, shape: tuple[int, ...], steps: int) -> None:
    random = np.random.default_rng(0)
    thresholds = np.sort(random.normal(size=(3, steps)), axis=1).astype(F32)
    values = random.normal(size=shape).astype(F32)
    values.reshape(-1)[:3] = thresholds[:, 0]
    settings = {"out_scale": 0.5, "out_bias": -1.0, "out_dtype": "INT4", "data_layout": layout}
    nodes = [
        helper.make_node("MultiThreshold", ["x", "t"], ["q"], domain=QONNX, **settings),
        helper.make_node("Neg", ["q"], ["y"]),
    ]
    made = model_of(nodes, shape, {"t": thresholds}, 13)
    made.opset_import.append(helper.make_opsetid(QONNX, 1))
    moved = values if layout != "NCHW" else np.moveaxis(values, 1, -1)
    count = (moved[..., None] >= thresholds).sum(-1)
    expected = (count if layout != "NCHW" else np.moveaxis(count, -1, 1)) * 0.5 - 1
    for found in both(made, values):
        np.testing.assert_array_equal(found, expected)
    inputs = torch.from_numpy(values).requires_grad_()
    imported(made)(inputs).sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.abs().sum() > 0


def test_gradient_and_its_derivatives() -> None:
    made = model("Quant", {"scale": 0.5, "zero": 0, "bits": 3}, signed=1, narrow=0, rounding_mode="ROUND")
    network = imported(made)
    values = torch.from_numpy(VALUES)
    inputs = values.clone().requires_grad_()
    network(inputs).sum().backward()
    inside = (np.round(VALUES * 2) >= -4) & (np.round(VALUES * 2) <= 3)
    np.testing.assert_array_equal(inputs.grad, np.where(inside, -1.0, 0.0))
    _, forward = torch.func.jvp(network, (values,), (torch.ones_like(values),))
    np.testing.assert_array_equal(forward, np.where(inside, -1.0, 0.0))
    inputs = values.clone().requires_grad_()
    (first,) = torch.autograd.grad((network(inputs) ** 2).sum(), inputs, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), inputs)
    np.testing.assert_allclose(second, np.where(inside, 2.0, 0.0))


def test_quantized_weights_are_folded() -> None:
    nodes: list[NodeProto] = [
        helper.make_node("Quant", ["w", "scale", "zero", "bits"], ["q"], domain=QONNX, signed=1, narrow=1),
        helper.make_node("Transpose", ["q"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["y"]),
    ]
    constants = {"w": np.array([[0.4, -2], [0, 3]], F32), "scale": F32(0.5), "zero": F32(0), "bits": F32(2)}
    made = model_of(nodes, ["n", 2], constants, 13)
    made.opset_import.append(helper.make_opsetid(QONNX, 1))
    from bnnaudit.onnx_import.importer import plain_graph

    graph: Graph = plain_graph(made)
    assert [found.op_type for found in graph.nodes] == ["MatMul"]
    np.testing.assert_array_equal(graph.constant(graph.nodes[0].input[1]), [[0.5, 0], [-0.5, 0.5]])


def test_a_computed_width_is_refused() -> None:
    made = model("Quant", {"scale": 0.5, "zero": 0, "bits": 3}, signed=1, narrow=0)
    made.graph.initializer.remove(next(tensor for tensor in made.graph.initializer if tensor.name == "bits"))
    made.graph.input.append(helper.make_tensor_value_info("bits", TensorProto.FLOAT, []))
    with pytest.raises(Exception, match="computed"):
        imported(made)
