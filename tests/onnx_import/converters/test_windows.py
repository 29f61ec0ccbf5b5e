import itertools

import numpy as np
import pytest

from tests.onnx_import.building import by_import, by_runtime, model_of, node, some_values


@pytest.mark.parametrize(
    ("mode", "size", "stride", "kernel"),
    list(itertools.product(["SAME_UPPER", "SAME_LOWER"], [(7, 8), (6, 9)], [1, 2, 3], [2, 3, 5])),
)
def test_convolutions_equal_onnx_runtime(mode: str, size: tuple[int, int], stride: int, kernel: int) -> None:
    settings = {"auto_pad": mode, "strides": [stride, stride]}
    model = model_of([node("Conv", "x k", **settings)], [2, 3, *size], {"k": some_values(4, 3, kernel, kernel)})
    values = some_values(2, 3, *size, seed=1)
    np.testing.assert_allclose(by_import(model, values), by_runtime(model, values), rtol=1e-4, atol=1e-5)


def test_dilated_convolution_keeps_the_size() -> None:
    """Same padding by its definition: the output is as large as the input, and shifted by nothing."""
    kernel = np.zeros((1, 1, 3, 3), dtype=np.float32)
    kernel[0, 0, 1, 1] = 1
    model = model_of([node("Conv", "x k", auto_pad="SAME_UPPER", dilations=[2, 2])], [1, 1, 6, 6], {"k": kernel})
    values = some_values(1, 1, 6, 6)
    np.testing.assert_array_equal(by_import(model, values), values)


def test_an_image_of_unknown_size_gets_its_margins_as_it_comes() -> None:
    model = model_of([node("Conv", "x k", auto_pad="SAME_UPPER")], ["n", 3, "h", "w"], {"k": some_values(4, 3, 3, 3)})
    values = some_values(2, 3, 5, 6)
    np.testing.assert_allclose(by_import(model, values), by_runtime(model, values), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("shape", [[2, 3, 7, 8], ["n", 3, "h", "w"]])
def test_poolings_equal_onnx_runtime(op: str, shape: list[int | str]) -> None:
    settings = {"auto_pad": "SAME_LOWER", "kernel_shape": [3, 2], "strides": [2, 1]}
    values = some_values(2, 3, 7, 8)
    model = model_of([node(op, "x", **settings)], shape)
    np.testing.assert_allclose(by_import(model, values), by_runtime(model, values), rtol=1e-4, atol=1e-5)
