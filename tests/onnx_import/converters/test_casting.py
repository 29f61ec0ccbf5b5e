"""Casts against NumPy and its extension types, and their gradients."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import torch
from onnx import TensorProto

from bnnaudit.onnx_import.converters.casting import cast_to
from bnnaudit.onnx_import.graph.torch_types import tensor_of, torch_type
from tests.onnx_import.building import by_import, by_runtime, imported, model_of, node

FLOATS = {
    TensorProto.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn,
    TensorProto.FLOAT8E4M3FNUZ: ml_dtypes.float8_e4m3fnuz,
    TensorProto.FLOAT8E5M2: ml_dtypes.float8_e5m2,
    TensorProto.FLOAT8E5M2FNUZ: ml_dtypes.float8_e5m2fnuz,
}

WHOLE = {
    TensorProto.INT4: ml_dtypes.int4,
    TensorProto.UINT4: ml_dtypes.uint4,
    TensorProto.INT8: np.int8,
    TensorProto.UINT8: np.uint8,
    TensorProto.UINT16: np.uint16,
    TensorProto.INT32: np.int32,
}


def some(seed: int = 0) -> np.ndarray:
    """Floats of all magnitudes, with both signs."""
    generator = np.random.default_rng(seed)
    values = generator.standard_normal(4000) * 10.0 ** generator.integers(-9, 7, 4000)
    return values.astype(np.float32)


@pytest.mark.parametrize("kind", FLOATS)
def test_short_floats_without_saturation(kind: int) -> None:
    values = some()
    with np.errstate(over="ignore"):
        expected = values.astype(FLOATS[kind]).astype(np.float32)
    result = cast_to(kind, saturate=False)(torch.from_numpy(values))
    np.testing.assert_array_equal(result.numpy(), expected)


@pytest.mark.parametrize("kind", FLOATS)
def test_short_floats_with_saturation(kind: int) -> None:
    values = some()
    greatest = float(ml_dtypes.finfo(FLOATS[kind]).max)
    expected = np.clip(values, -greatest, greatest).astype(FLOATS[kind]).astype(np.float32)
    result = cast_to(kind)(torch.from_numpy(values))
    np.testing.assert_array_equal(result.numpy(), expected)


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_numbers_keep_their_low_bits(kind: int) -> None:
    values = np.arange(-70000, 70000, 37, dtype=np.int64)
    result = cast_to(kind)(torch.from_numpy(values))
    np.testing.assert_array_equal(result.numpy(), values.astype(WHOLE[kind]).astype(np.int64))


@pytest.mark.parametrize("rounding", ["up", "down", "nearest"])
def test_powers_of_two(rounding: str) -> None:
    values = np.abs(some()) + np.float32(1e-9)
    exponent = np.log2(values.astype(np.float64))
    lower, upper = 2.0 ** np.floor(exponent), 2.0 ** np.ceil(exponent)
    nearest = np.where(values >= 1.5 * lower, upper, lower)
    expected = {"up": upper, "down": lower, "nearest": nearest}[rounding]
    result = cast_to(TensorProto.FLOAT8E8M0, rounding=rounding)(torch.from_numpy(values))
    np.testing.assert_array_equal(result.numpy(), expected.astype(np.float32))


def test_gradients_are_straight_through_inside_of_the_range() -> None:
    values = torch.tensor([0.3, -7.0, 1e6], requires_grad=True)
    cast_to(TensorProto.FLOAT8E4M3FN)(values).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [1.0, 1.0, 0.0]
    halves = torch.tensor([0.3, -7.0], requires_grad=True)
    cast_to(TensorProto.BFLOAT16)(halves).float().sum().backward()
    assert halves.grad is not None
    assert halves.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("opset", [7, 9, 13, 20])
def test_old_versions(opset: int) -> None:
    values = np.array([[-1.7, 0.0, 2.5]], dtype=np.float32)
    nodes = [node("Cast", "x", "whole", to=TensorProto.INT32), node("Cast", "whole", to=TensorProto.FLOAT)]
    model = model_of(nodes, ["n", 3], opset=opset)
    np.testing.assert_array_equal(by_import(model, values), by_runtime(model, values))


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT32, TensorProto.INT64])
def test_a_cast_there_and_back_is_a_truncation_with_a_gradient(kind: int) -> None:
    nodes = [node("Cast", "x", "whole", to=kind), node("Cast", "whole", to=TensorProto.FLOAT)]
    model = model_of(nodes, ["n", 3])
    values = np.array([[1.7, 0.0, 254.5]], dtype=np.float32)
    np.testing.assert_array_equal(by_import(model, values), by_runtime(model, values))
    given = torch.from_numpy(values).requires_grad_()
    imported(model)(given).sum().backward()
    assert given.grad is not None
    assert given.grad.tolist() == [[1.0, 1.0, 1.0]]


def test_types_that_are_no_numbers() -> None:
    with pytest.raises(NotImplementedError, match="tensors of string"):
        torch_type(TensorProto.STRING)
    with pytest.raises(NotImplementedError, match="tensors of str"):
        tensor_of(np.array(["a"]))


def test_stored_tensors_of_types_that_numpy_lacks() -> None:
    """A bfloat16 constant as an operand."""
    stored = np.array([0.5, -3.0], dtype=ml_dtypes.bfloat16)
    nodes = [
        node("Cast", "x", "short", to=TensorProto.BFLOAT16),
        node("Mul", "short w", "product"),
        node("Cast", "product", to=TensorProto.FLOAT),
    ]
    model = model_of(nodes, ["n", 2], {"w": stored})
    values = np.array([[1.0, 2.0], [4.0, -0.5]], dtype=np.float32)
    np.testing.assert_array_equal(by_import(model, values), values * stored.astype(np.float32))
