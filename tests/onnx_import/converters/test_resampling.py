from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from bnnaudit.core.errors import UnsupportedOperatorsError
from bnnaudit.onnx_import.converters.resampling import Interpolation, resample
from tests.onnx_import.building import some_values
from tests.onnx_import.comparing import check, floats, ints, module_of

VALUES = some_values(1, 2, 7, 6)


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("sizes", [(3, 4), (9, 3), (14, 15)])
@pytest.mark.parametrize("exclude", [0, 1])
def test_antialias(mode: str, sizes: tuple[int, int], exclude: int) -> None:
    settings = {"mode": mode, "antialias": 1, "exclude_outside": exclude, "axes": [2, 3]}
    check("Resize", VALUES, None, None, ints(*sizes), opset=19, atol=1e-5, **settings)


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_policies(policy: str, mode: str) -> None:
    settings = {"mode": mode, "keep_aspect_ratio_policy": policy, "axes": [3, 2]}
    check("Resize", VALUES, None, None, ints(9, 8), opset=19, atol=1e-5, **settings)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_scales(mode: str) -> None:
    check("Resize", VALUES, None, floats(1, 1, 1.5, 0.6), opset=13, mode=mode, atol=1e-5)
    check("Resize", VALUES, floats(), floats(1, 1, 2, 3), opset=11, mode=mode, atol=1e-5)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_crop(mode: str) -> None:
    part = floats(0, 0, 0.2, -0.1, 1, 1, 0.8, 1.2)
    settings: dict[str, Any] = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 7.0}
    check("Resize", VALUES, part, None, ints(1, 2, 5, 9), opset=13, mode=mode, atol=1e-5, **settings)


@pytest.mark.parametrize("opset", [7, 9])
def test_upsample(opset: int) -> None:
    if opset == 7:
        check("Upsample", VALUES, opset=opset, scales=[1.0, 1.0, 2.0, 3.0])
    else:
        check("Upsample", VALUES, floats(1, 1, 2, 3), opset=opset, mode="nearest")


@pytest.mark.parametrize(
    ("inputs", "settings", "why"),
    [
        ((None, floats(1, 1, 1.5, 0.6)), {"coordinate_transformation_mode": "align_corners"}, "corners aligned"),
        ((None, floats(1, 1, 2, 2)), {"coordinate_transformation_mode": "tf_crop_and_resize"}, "a crop that is scaled"),
        ((None, floats(1, 1, 2, 2)), {"coordinate_transformation_mode": "somehow"}, "coordinate transformation"),
        ((None, floats(1, 1, 2, 2)), {"mode": "sinc"}, "resizing mode 'sinc'"),
    ],
)
def test_refusals(inputs: tuple[Any, ...], settings: dict[str, Any], why: str) -> None:
    with pytest.raises(UnsupportedOperatorsError, match=why):
        module_of("Resize", VALUES, *inputs, opset=19, **settings)


def test_a_size_of_zero_keeps_the_axis() -> None:
    values = torch.zeros(5, 2, 7, 6)
    assert resample(values, None, None, [0, 0, 14, 6], Interpolation("linear"), None).shape == (5, 2, 14, 6)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_derivatives(mode: str) -> None:
    method = Interpolation(mode, antialias=mode == "linear")
    values = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    resized = partial(resample, parts=None, scales=None, sizes=[3, 7], method=method, axes=[1, 2])
    assert gradcheck(resized, values, check_forward_ad=True, check_batched_grad=True)


def test_whole_numbers_are_picked_but_not_mixed() -> None:
    values = np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4)
    check("Resize", values, None, floats(1, 1, 2, 2), opset=19, mode="nearest")
    with pytest.raises(UnsupportedOperatorsError, match="linear resizing of whole numbers"):
        module_of("Resize", values, None, floats(1, 1, 2, 2), opset=19, mode="linear")
