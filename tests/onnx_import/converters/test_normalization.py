from functools import partial

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from bnnaudit.core.errors import UnsupportedOperatorsError
from bnnaudit.onnx_import.converters.normalization import batch_norm, group_norm, layer_norm, local_response
from tests.onnx_import.building import some_values
from tests.onnx_import.comparing import check, module_of


def statistics(channels: int) -> tuple[np.ndarray, ...]:
    scale, bias, mean = (some_values(channels, seed=seed) for seed in (1, 2, 3))
    return scale, bias, mean, np.abs(some_values(channels, seed=4)) + 0.1


@pytest.mark.parametrize("opset", [7, 9, 14, 15])
@pytest.mark.parametrize("shape", [(3, 4), (2, 4, 5), (2, 4, 3, 5), (2, 4, 2, 3, 2)])
def test_batch(opset: int, shape: tuple[int, ...]) -> None:
    check("BatchNormalization", some_values(*shape), *statistics(4), opset=opset, epsilon=1e-3)


@pytest.mark.parametrize(("opset", "settings"), [(14, {"training_mode": 1}), (6, {})])
def test_training_is_refused(opset: int, settings: dict[str, int]) -> None:
    with pytest.raises(UnsupportedOperatorsError, match="training mode, where an image's scores depend on the images"):
        module_of("BatchNormalization", some_values(2, 3, 4, 4), *statistics(3), opset=opset, **settings)


@pytest.mark.parametrize("axis", [-1, 1, 2])
def test_layer(axis: int) -> None:
    values = some_values(2, 3, 4, 5)
    shape = values.shape[axis:]
    check("LayerNormalization", values, some_values(*shape, seed=1), some_values(*shape, seed=2), axis=axis)
    check("LayerNormalization", values, some_values(*shape, seed=1), axis=axis, outputs=3, opset=17)


@pytest.mark.parametrize("axis", [-1, 1])
def test_root_mean_square(axis: int) -> None:
    values = some_values(2, 3, 5)
    scale = some_values(*values.shape[axis:], seed=1)
    axes = tuple(range(axis % 3, 3))
    expected = values / np.sqrt(np.square(values).mean(axes, keepdims=True) + 1e-3) * scale
    check("RMSNormalization", values, scale, opset=23, axis=axis, epsilon=1e-3, expected=[expected])


def test_groups() -> None:
    values = some_values(2, 6, 4, 3)
    by_channel = (some_values(6, seed=1), some_values(6, seed=2))
    check("GroupNormalization", values, *by_channel, opset=21, num_groups=3, atol=1e-5)
    # In the first version scale and bias belong to a group.
    by_group = (some_values(3, seed=1), some_values(3, seed=2))
    groups = values.reshape(2, 3, -1)
    normalised = (groups - groups.mean(-1, keepdims=True)) / np.sqrt(groups.var(-1, keepdims=True) + 1e-5)
    expected = (normalised * by_group[0][:, None] + by_group[1][:, None]).reshape(values.shape)
    check("GroupNormalization", values, *by_group, opset=18, num_groups=3, atol=1e-5, expected=[expected])


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (2, 3, 1, 1)])
def test_instance(shape: tuple[int, ...]) -> None:
    check("InstanceNormalization", some_values(*shape), some_values(3, seed=1), some_values(3, seed=2), atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_neighbours(size: int) -> None:
    check("LRN", some_values(2, 6, 3, 4), size=size, alpha=0.5, beta=0.6, bias=1.5)


def test_derivatives() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(2, 4, 3, generator=generator, dtype=torch.float64).requires_grad_()
    scale, bias, mean = (torch.randn(4, generator=generator, dtype=torch.float64) for _ in range(3))
    pair = {"scale": scale, "bias": bias, "epsilon": 1e-3}
    last = {"scale": scale[:3], "bias": bias[:3], "epsilon": 1e-3, "axis": -1, "stash": torch.float64, "outputs": 1}
    for function in (
        partial(batch_norm, **pair, mean=mean, variance=mean.square() + 0.1),
        partial(layer_norm, **last, centred=True),
        partial(layer_norm, **last, centred=False),
        partial(group_norm, **pair, groups=2, stash=None),
        partial(local_response, size=3, alpha=0.5, beta=0.75, bias=1.0),
    ):
        assert gradcheck(function, values, check_forward_ad=True, check_batched_grad=True)
