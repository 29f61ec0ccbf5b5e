"""Elementwise operators: old ways of broadcasting, unsigned types, whole numbers, settings of old versions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import NodeProto, TensorProto

from bnnaudit.core.errors import UnsupportedOperatorsError
from bnnaudit.onnx_import.converters.arithmetic import FUNCTIONS
from bnnaudit.onnx_import.graph.torch_types import for_unsigned
from tests.onnx_import.building import by_import, by_runtime, imported, model_of, node, some_values

BINARY = ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum", "Mean"]


@pytest.mark.parametrize("opset", [8, 12, 14, 20])
@pytest.mark.parametrize("op", BINARY)
def test_versions(op: str, opset: int) -> None:
    values = np.abs(some_values(2, 3, 4)) + 0.5
    model = model_of([node(op, "x w")], ["n", 3, 4], {"w": np.abs(some_values(3, 1)) + 0.5}, opset)
    np.testing.assert_allclose(by_import(model, values), by_runtime(model, values), rtol=1e-6)


@pytest.mark.parametrize("opset", [1, 6])
@pytest.mark.parametrize(
    ("axis", "shape", "aligned"),
    [(1, (3,), (3, 1)), (0, (2, 3), (2, 3, 1)), (-1, (4,), (4,)), (None, (3, 4), (3, 4)), (None, (1,), (1,))],
)
def test_operands_along_a_stated_axis(
    opset: int, axis: int | None, shape: tuple[int, ...], aligned: tuple[int, ...]
) -> None:
    values, other = some_values(2, 3, 4), some_values(*shape, seed=1)
    settings = {"broadcast": 1} if axis is None else {"broadcast": 1, "axis": axis}
    model = model_of([node("Sub", "x w", **settings)], [2, 3, 4], {"w": other}, opset)
    np.testing.assert_array_equal(by_import(model, values), values - other.reshape(aligned))


def test_slopes_of_old_versions_belong_to_channels() -> None:
    values, slopes = some_values(2, 3, 4, 4), np.array([0.1, 0.2, -1.0], dtype=np.float32)
    model = model_of([node("PRelu", "x w")], [2, 3, 4, 4], {"w": slopes}, 6)
    np.testing.assert_allclose(
        by_import(model, values), np.where(values < 0, values * slopes.reshape(3, 1, 1), values), rtol=1e-6
    )


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int64])
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "Div", "Mod", "Max", "Min", "BitwiseXor", "Greater", "Equal"])
def test_whole_numbers_stay_in_their_type(op: str, kind: type[np.integer]) -> None:
    """Sums and products that do not fit keep their low bits."""
    limit = min(np.iinfo(kind).max, 2**31)
    left = np.array([0, 1, 7, limit, limit // 2], dtype=kind)
    right = np.array([1, 3, 2, 2, 5], dtype=kind)
    functions = {
        "Add": np.add,
        "Sub": np.subtract,
        "Mul": np.multiply,
        "Div": np.floor_divide,
        "Mod": np.mod,
        "Max": np.maximum,
        "Min": np.minimum,
        "BitwiseXor": np.bitwise_xor,
        "Greater": np.greater,
        "Equal": np.equal,
    }
    result = for_unsigned(FUNCTIONS[op])(torch.from_numpy(left), torch.from_numpy(right)).numpy()
    expected = functions[op](left, right)
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


def test_quotients_of_whole_numbers_are_cut_towards_zero() -> None:
    quotient = FUNCTIONS["Div"](torch.tensor([-7, 7, -7]), torch.tensor([2, -2, -2]))
    assert quotient.tolist() == [-3, -3, 3]


def test_clipped_whole_numbers_stay_whole() -> None:
    constants = {"low": np.array(-3, dtype=np.int32), "high": np.array(5, dtype=np.int32)}
    nodes: list[NodeProto] = [node("Cast", "x", "w", to=TensorProto.INT32), node("Clip", "w low high")]
    model = model_of(nodes, ["n", 4], constants, output_type=TensorProto.INT32)
    values = np.array([[-9.0, -1.0, 4.0, 8.0]], dtype=np.float32)
    result = by_import(model, values)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, [[-3, -1, 4, 5]])


def test_inputs_and_outputs_of_any_number() -> None:
    """Two outputs of one node, an input that is returned as it is, and a constant output."""
    model = model_of([node("TopK", "x k", "y", axis=1)], ["n", 4], {"k": np.array([2])})
    model.graph.node[0].output.append("places")
    for name, kind in (("places", TensorProto.INT64), ("x", TensorProto.FLOAT), ("k", TensorProto.INT64)):
        model.graph.output.add(name=name).type.tensor_type.elem_type = kind
    module = imported(model)
    values = torch.tensor([[3.0, 9.0, 1.0, 7.0]])
    top, places, same, count = module(values)
    assert top.tolist() == [[9.0, 7.0]]
    assert places.tolist() == [[1, 3]]
    assert torch.equal(same, values)
    assert count.tolist() == [2]


def test_what_is_no_tensor_of_numbers_is_refused() -> None:
    model = model_of([node("Identity", "x")], ["n"], element_type=TensorProto.STRING, output_type=TensorProto.STRING)
    with pytest.raises(UnsupportedOperatorsError, match="no import of tensors of string"):
        imported(model)
