import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from bnnaudit.core.errors import UnsupportedOperatorsError
from bnnaudit.onnx_import.converters.pooling import average, maximum, norm, over_image
from bnnaudit.onnx_import.converters.windows import Window
from tests.onnx_import.building import some_values
from tests.onnx_import.comparing import check, module_of

SIZES = {1: (11,), 2: (9, 8), 3: (5, 6, 7)}

SETTINGS: list[dict[str, Any]] = [
    {"kernel": 3},
    {"kernel": 3, "strides": 2, "pads": [1, 1]},
    {"kernel": 3, "strides": 2, "pads": [0, 2]},
    {"kernel": 2, "strides": 3, "ceil_mode": 1},
    {"kernel": 3, "strides": 2, "pads": [1, 1], "ceil_mode": 1},
    {"kernel": 2, "dilations": 3, "strides": 2},
    {"kernel": 2, "strides": 2, "auto_pad": "SAME_UPPER"},
    {"kernel": 3, "strides": 2, "auto_pad": "SAME_LOWER"},
    {"kernel": 3, "auto_pad": "VALID"},
]


def spread(settings: dict[str, Any], axes: int) -> dict[str, Any]:
    result: dict[str, Any] = {"kernel_shape": [settings["kernel"]] * axes}
    for name, value in settings.items():
        if name == "pads":
            result[name] = [value[0]] * axes + [value[1]] * axes
        elif name in ("strides", "dilations"):
            result[name] = [value] * axes
        elif name != "kernel":
            result[name] = value
    return result


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_maximum_and_average(settings: dict[str, Any], axes: int) -> None:
    values, spelled = some_values(2, 3, *SIZES[axes]), spread(settings, axes)
    check("MaxPool", values, opset=12, **spelled)
    check("MaxPool", values, opset=12, outputs=2, **spelled)
    check("AveragePool", values, opset=19, **spelled)
    if "ceil_mode" not in spelled:
        check("AveragePool", values, opset=19, count_include_pad=1, **spelled)
        check("LpPool", values, opset=18, p=3, **spelled)


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_maximum_of_whole_numbers(kind: type[np.integer[Any]]) -> None:
    values = np.random.default_rng(0).integers(-128, 127, (2, 3, 6, 6)).astype(kind)
    check("MaxPool", values, opset=12, kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    lowest = np.full_like(values, np.iinfo(kind).min)
    check("MaxPool", lowest, opset=12, outputs=2, kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def test_indices_count_columns_first() -> None:
    values = some_values(2, 2, 4, 5)
    check("MaxPool", values, opset=12, outputs=2, kernel_shape=[2, 2], storage_order=1)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
def test_global(op: str) -> None:
    check(op, some_values(2, 3, 4, 5))
    check(op, some_values(2, 3, 4))


def test_a_margin_as_large_as_the_window_is_refused() -> None:
    with pytest.raises(UnsupportedOperatorsError, match="a margin of 2 around windows of 2"):
        module_of("AveragePool", some_values(1, 1, 4, 4), kernel_shape=[2, 2], pads=[2, 0, 0, 0])


def test_derivatives() -> None:
    settings: dict[str, Any] = {"window": Window((3,), (2,), (1,), (1,), (0,)), "ceil": True}
    values = torch.randn(2, 2, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    for function in (
        partial(maximum, **settings, indices=False, column_major=False),
        partial(average, **settings, count_margins=False),
        partial(norm, **settings, p=3),
        partial(over_image, op="GlobalAveragePool"),
        partial(over_image, op="GlobalLpPool"),
    ):
        assert gradcheck(function, values, check_forward_ad=True, check_batched_grad=True)


def test_norms_of_nothing_have_a_finite_gradient() -> None:
    values = torch.zeros(1, 1, 4, requires_grad=True)
    over_image(values, "GlobalLpPool").sum().backward()
    assert values.grad is not None
    assert math.isfinite(values.grad.abs().sum())
