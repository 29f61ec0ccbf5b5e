"""PyTorch's fake quantization as one operator that can be recorded, and as the step that it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

PER_TENSOR = -1
"""The axis of a quantizer with one scale for the whole tensor."""


@torch.library.custom_op("bnnaudit::fake_quantize", mutates_args=())
def fake_quantize(
    input: Tensor, scale: Tensor, zero_point: Tensor, axis: int, quant_min: int, quant_max: int
) -> Tensor:
    """input (...) as torch's fake quantization has it: scale and zero point () or one for each index of `axis`."""
    if axis == PER_TENSOR:
        return torch.fake_quantize_per_tensor_affine(
            input, scale.reshape(()).float(), zero_point.reshape(()).to(torch.int32), quant_min, quant_max
        )
    return torch.fake_quantize_per_channel_affine(input, scale, zero_point, axis, quant_min, quant_max)


@fake_quantize.register_fake
def _(input: Tensor, scale: Tensor, zero_point: Tensor, axis: int, quant_min: int, quant_max: int) -> Tensor:
    return torch.empty_like(input)


def _per_tensor(input: Tensor, scale: Any, zero_point: Any, quant_min: int, quant_max: int) -> Tensor:
    result: Tensor = fake_quantize(
        input, torch.as_tensor(scale), torch.as_tensor(zero_point), PER_TENSOR, quant_min, quant_max
    )
    return result


def _fused(
    input: Tensor,
    observer_on: Tensor,
    fake_quant_on: Tensor,
    running_min: Tensor,
    running_max: Tensor,
    scale: Tensor,
    zero_point: Tensor,
    averaging_const: float,
    quant_min: int,
    quant_max: int,
    ch_axis: int,
    per_row_fake_quant: bool = False,
    symmetric_quant: bool = False,
) -> Tensor:
    """The quantizer of QAT modules, whose observer must be off."""
    if bool(observer_on.any()):
        raise RuntimeError("an observer is on: the network would change with every image that it sees")
    if not bool(fake_quant_on.any()):
        return input
    axis = ch_axis if per_row_fake_quant else PER_TENSOR
    result: Tensor = fake_quantize(input, scale, zero_point, axis, quant_min, quant_max)
    return result


STAND_INS: dict[Callable[..., Any], Callable[..., Any]] = {
    torch.fake_quantize_per_tensor_affine: _per_tensor,
    torch.fake_quantize_per_channel_affine: fake_quantize,
    torch.fused_moving_avg_obs_fake_quant: _fused,
}


def standing_in(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """What is recorded in place of a function that torch cannot record; None for all others."""
    try:
        return STAND_INS.get(function)
    except TypeError:  # not hashable
        return None
