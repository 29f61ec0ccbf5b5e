"""Shape inference on models that would take the process down: refused in time, and sound ones inferred as ever."""

from itertools import pairwise

import numpy as np
import onnx
import pytest
from onnx import NodeProto

from bnnaudit.core.errors import ModelError
from bnnaudit.onnx_import.graph.safe_shape_inference import safely_inferred
from tests.onnx_import.building import model_of, node

CONSTANTS = {
    "narrow": np.array([0, -100, 0, -100]),
    "starts": np.array([0]),
    "ends": np.array([5]),
    "axes": np.array([1]),
    "long": np.array([2**31 - 1]),
}


def slices(*names: str) -> list[NodeProto]:
    return [node("Slice", f"{given} starts ends axes", made) for given, made in pairwise(names)]


@pytest.mark.parametrize(
    "nodes",
    [
        pytest.param([node("Pad", "x narrow", "a"), *slices("a", "y")], id="before a slice"),
        pytest.param([*slices("x", "a", "b"), node("Pad", "b narrow", "c"), *slices("c", "y")], id="between slices"),
    ],
)
def test_a_negative_axis(nodes: list[NodeProto]) -> None:
    with pytest.raises(ModelError, match=r"would have the shape .*-"):
        safely_inferred(model_of(nodes, ["n", 12], CONSTANTS))


def test_slices_in_a_row_are_inferred_as_ever() -> None:
    model = model_of(slices("x", "a", "b", "y"), ["n", 12], CONSTANTS)
    assert safely_inferred(model) == onnx.shape_inference.infer_shapes(model, data_prop=True)


def test_a_long_list_is_no_shape() -> None:
    """Each of its numbers would be followed: gigabytes."""
    nodes = [node("Reshape", "x long", "a"), node("Sub", "a a", "b"), node("Neg", "b")]
    inferred = safely_inferred(model_of(nodes, ["n", 12], CONSTANTS))
    (b,) = (info for info in inferred.graph.value_info if info.name == "b")
    assert b.type.tensor_type.shape.dim[0].dim_value == 2**31 - 1
