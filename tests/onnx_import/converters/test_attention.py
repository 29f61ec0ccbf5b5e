"""Attention against torch's own, which shares nothing with it; ONNX's cases for every setting are in the backend's."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck
from torch.nn import functional

from bnnaudit.core.errors import UnsupportedOperatorsError
from bnnaudit.onnx_import.converters.attention import AttentionSettings, attend, rotate
from tests.onnx_import.building import some_values
from tests.onnx_import.comparing import module_of

PLAIN = AttentionSettings(None, None, None, False, 0.0, None, -1, -1, 0)


def attended(*inputs: np.ndarray | None, **settings: object) -> torch.Tensor:
    module = module_of("Attention", *inputs, opset=24, stored=False, **settings)
    with torch.no_grad():
        result: torch.Tensor = module(*(torch.from_numpy(array) for array in inputs if array is not None))
    return result


@pytest.mark.parametrize("causal", [False, True])
def test_equals_torch(causal: bool) -> None:
    queries, keys, values = (some_values(2, 4, 5, 8, seed=seed) for seed in range(3))
    expected = functional.scaled_dot_product_attention(
        *(torch.from_numpy(array) for array in (queries, keys, values)), is_causal=causal
    )
    torch.testing.assert_close(attended(queries, keys, values, is_causal=int(causal)), expected)


def test_shared_key_heads_and_a_mask() -> None:
    queries, keys, values = some_values(2, 4, 5, 8), some_values(2, 2, 6, 8, seed=1), some_values(2, 2, 6, 3, seed=2)
    mask = some_values(5, 6, seed=3) > 0
    mask[:, 0] = True
    tensors = [torch.from_numpy(array) for array in (queries, keys, values, mask)]
    expected = functional.scaled_dot_product_attention(*tensors, scale=0.2, enable_gqa=True)
    torch.testing.assert_close(attended(queries, keys, values, mask, scale=0.2), expected)


def test_heads_side_by_side() -> None:
    queries, keys, values = (some_values(2, 5, 12, seed=seed) for seed in range(3))
    split = [torch.from_numpy(array).unflatten(2, (3, 4)).transpose(1, 2) for array in (queries, keys, values)]
    expected = functional.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)
    torch.testing.assert_close(attended(queries, keys, values, q_num_heads=3, kv_num_heads=3), expected)


def test_a_row_that_sees_nothing_is_zero_and_so_is_its_gradient() -> None:
    queries = torch.from_numpy(some_values(1, 1, 2, 4)).requires_grad_()
    keys = torch.from_numpy(some_values(1, 1, 3, 4, seed=1))
    mask = torch.tensor([[True, True, False], [False, False, False]])
    result = attend(queries, keys, keys, mask, None, None, None, settings=PLAIN, outputs=1)
    assert isinstance(result, torch.Tensor)
    result.sum().backward()
    assert queries.grad is not None
    assert not result[0, 0, 1].any()
    assert not queries.grad[0, 0, 1].any()
    assert queries.grad[0, 0, 0].any()


def test_heads_must_be_known() -> None:
    with pytest.raises(UnsupportedOperatorsError, match="without q_num_heads"):
        module_of("Attention", *(some_values(2, 5, 12) for _ in range(3)), opset=23)


@pytest.mark.parametrize("interleaved", [False, True])
def test_rotation_keeps_lengths_and_turns_by_the_angle(interleaved: bool) -> None:
    angles = torch.tensor([[0.3, 1.1], [0.0, -0.4]])[None]
    values = torch.from_numpy(some_values(1, 1, 2, 4))
    turned = rotate(values, angles.cos(), angles.sin(), None, heads=1, width=0, interleaved=interleaved)
    pairs = (lambda x: x[..., ::2] + 1j * x[..., 1::2]) if interleaved else (lambda x: x[..., :2] + 1j * x[..., 2:])
    torch.testing.assert_close(pairs(turned), pairs(values) * torch.polar(torch.ones_like(angles), angles)[:, None])


def test_derivatives() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = [torch.randn(1, 2, 3, 4, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(3)]
    nothing = dict.fromkeys(("mask", "past_keys", "past_values", "valid"))
    for settings in (PLAIN, AttentionSettings(None, None, None, True, 2.0, None, 1, -1, 0)):
        function = partial(attend, **nothing, settings=settings, outputs=1)
        assert gradcheck(function, inputs, check_forward_ad=True, check_batched_grad=True)
