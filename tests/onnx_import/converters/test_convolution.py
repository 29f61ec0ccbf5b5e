import itertools
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from bnnaudit.core.errors import UnsupportedOperatorsError
from bnnaudit.onnx_import.converters.convolution import convolve, convolve_transposed
from bnnaudit.onnx_import.converters.windows import Window
from tests.onnx_import.building import some_values
from tests.onnx_import.comparing import check, module_of

SIZES = {1: (9,), 2: (8, 7), 3: (5, 6, 7)}


@pytest.mark.parametrize("opset", [9, 11, 22])
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"strides": 2, "pads": 1},
        {"dilations": 2, "group": 2},
        {"auto_pad": "VALID", "strides": 2},
        {"auto_pad": "SAME_UPPER", "strides": 2},
        {"auto_pad": "SAME_LOWER", "strides": 3},
    ],
)
def test_convolution(axes: int, settings: dict[str, Any], opset: int) -> None:
    groups = settings.get("group", 1)
    spread = {name: value if name in ("group", "auto_pad") else [value] * axes for name, value in settings.items()}
    if "pads" in spread:
        spread["pads"] = spread["pads"] * 2
    weight = some_values(6, 4 // groups, *[3, 2, 3][:axes], seed=1)
    check("Conv", some_values(2, 4, *SIZES[axes]), weight, some_values(6, seed=2), opset=opset, atol=1e-5, **spread)


def test_uneven_margins_and_no_bias() -> None:
    check("Conv", some_values(2, 3, 8, 7), some_values(5, 3, 3, 3, seed=1), pads=[0, 1, 2, 3], atol=1e-5)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"strides": 2, "pads": [1, 0]},
        {"strides": 3, "output_padding": 1},
        {"strides": 3, "output_padding": 2, "pads": [1, 1]},
        {"dilations": 2, "group": 2},
        {"strides": 2, "auto_pad": "SAME_UPPER"},
        {"strides": 2, "auto_pad": "SAME_LOWER"},
    ],
)
def test_transposed_convolution(axes: int, settings: dict[str, Any]) -> None:
    groups = settings.get("group", 1)
    spread: dict[str, Any] = {}
    for name, value in settings.items():
        if name == "pads":
            spread[name] = [value[0]] * axes + [value[1]] * axes
        else:
            spread[name] = value if name in ("group", "auto_pad") else [value] * axes
    weight = some_values(4, 6 // groups, *[3, 3, 3][:axes], seed=1)
    values = some_values(2, 4, *[5, 4, 3][:axes])
    check("ConvTranspose", values, weight, some_values(6, seed=2), opset=11, atol=1e-5, **spread)


@pytest.mark.parametrize(("mode", "sizes"), list(itertools.product(["SAME_UPPER", "SAME_LOWER"], [(9, 9), (10, 8)])))
def test_transposed_convolution_to_a_size(mode: str, sizes: tuple[int, int]) -> None:
    values, weight = some_values(1, 2, 5, 4), some_values(2, 3, 3, 3, seed=1)
    check("ConvTranspose", values, weight, output_shape=list(sizes), strides=[2, 2], auto_pad=mode, atol=1e-5)


def test_more_axes_than_torch_has_are_refused() -> None:
    with pytest.raises(UnsupportedOperatorsError, match="windows over 4 axes"):
        module_of("Conv", some_values(1, 1, 3, 3, 3, 3), some_values(1, 1, 2, 2, 2, 2))


def test_derivatives() -> None:
    window = Window((3,), (2,), (1,), (1,), (0,))
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(2, 2, 3, generator=generator, dtype=torch.float64)
    values = torch.randn(2, 2, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    transposed = {"bias": weight[0, :, 0], "extra": (1,), "sizes": None}
    for function in (
        partial(convolve, weight=weight, bias=None, window=window, groups=1),
        partial(convolve_transposed, weight=weight, window=window, groups=1, **transposed),
    ):
        assert gradcheck(function, values, check_forward_ad=True, check_batched_grad=True)
        assert gradgradcheck(function, values)


def test_weights_are_frozen_and_stay_in_place() -> None:
    module = module_of("Conv", some_values(1, 3, 4, 4), np.ones((2, 3, 2, 2), dtype=np.float32))
    assert [parameter.requires_grad for parameter in module.parameters()] == [False]
