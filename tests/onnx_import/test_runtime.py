"""The sessions that replays and oracles run in: integer products are what the arithmetic says, on every processor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from bnnaudit.onnx_import.runtime import open_session
from tests.onnx_import.building import model_of, node

TYPES = {"uint8": TensorProto.UINT8, "int8": TensorProto.INT8}
ROWS, DEPTH, COLUMNS = 8, 64, 16


def large(kind: str, *shape: int) -> NDArray[Any]:
    """Numbers of the upper end of a type, whose products, two by two, are far beyond 16 bits."""
    top = np.iinfo(kind).max
    return np.random.default_rng(0).integers(top - 40, top + 1, shape).astype(kind)


def run(model: ModelProto, values: NDArray[Any]) -> NDArray[Any]:
    (result,) = open_session(model.SerializeToString()).run(["y"], {"x": values})
    return np.asarray(result)


@pytest.mark.parametrize(("left", "right"), [(left, right) for left in TYPES for right in TYPES])
def test_integer_products_are_exact(left: str, right: str) -> None:
    """uint8 times int8 is where kernels of x86 without VNNI clip, if the session is not asked to be exact."""
    a, b = large(left, ROWS, DEPTH), large(right, DEPTH, COLUMNS)
    nodes = [node("MatMulInteger", "x w")]
    model = model_of(nodes, [ROWS, DEPTH], {"w": b}, 17, TYPES[left], [ROWS, COLUMNS], TensorProto.INT32)
    np.testing.assert_array_equal(run(model, a), a.astype(np.int64) @ b.astype(np.int64))


@pytest.mark.parametrize(("left", "right"), [("uint8", "uint8"), ("uint8", "int8"), ("int8", "int8")])
@pytest.mark.parametrize("form", ["QLinearConv", "QDQ"])
@pytest.mark.parametrize("groups", [1, 4, 16])
def test_quantized_convolutions_are_exact(left: str, right: str, form: str, groups: int) -> None:
    """With a scale of one; the step of the output is a power of two, so that nothing but its rounding is left to say."""
    step = np.float32(2**10 if groups == 16 else 2**14)
    values, weights = large(left, 1, 16, 6, 6), large(right, 16, 16 // groups, 3, 3)
    constants = {"w": weights, "one": np.float32(1), "zx": np.array(0, left), "zw": np.array(0, right), "step": step}
    model = model_of(_convolution(form, groups), [1, 16, 6, 6], constants, 17, TYPES[left], output_type=TYPES[left])
    tensors = (torch.from_numpy(array.astype(np.float64)) for array in (values, weights))
    exact = torch.nn.functional.conv2d(*tensors, groups=groups).numpy() / step
    limits = np.iinfo(left)
    np.testing.assert_array_equal(run(model, values), np.clip(np.rint(exact), limits.min, limits.max))


def _convolution(form: str, groups: int) -> list[Any]:
    if form == "QLinearConv":
        return [helper.make_node(form, ["x", "one", "zx", "w", "one", "zw", "step", "zx"], ["y"], group=groups)]
    return [
        node("DequantizeLinear", "x one zx", "xf"),
        node("DequantizeLinear", "w one zw", "wf"),
        node("Conv", "xf wf", "f", group=groups),
        node("QuantizeLinear", "f step zx"),
    ]


def test_what_stands_between_quantizers_is_computed_as_written() -> None:
    """A softmax of dequantized numbers, rounded: the kernel on integers is a step off for a hundredth of them."""
    values = np.random.default_rng(0).integers(0, 256, (500, 48)).astype(np.uint8)
    scale, step = np.float32(0.0213), np.float32(0.0039)
    nodes = [node("DequantizeLinear", "x s z", "f"), node("Softmax", "f", "p"), node("QuantizeLinear", "p step z")]
    constants = {"s": scale, "z": np.uint8(0), "step": step}
    model = model_of(nodes, ["n", 48], constants, 17, TensorProto.UINT8, output_type=TensorProto.UINT8)
    powers = np.exp(values * np.float64(scale))
    exact = powers / powers.sum(1, keepdims=True) / np.float64(step)
    settled = np.abs(exact % 1 - 0.5) > 1e-4  # float32 may round what is nearly a half either way
    np.testing.assert_array_equal(run(model, values)[settled], np.rint(exact)[settled])
