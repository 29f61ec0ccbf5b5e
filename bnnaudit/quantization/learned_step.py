"""Uniform quantizers whose step is learned with the weights: learned step size quantization, LSQ ([Esser et al. 2020]).

q = round(clip(x / s, low, high)), and x becomes q s. The gradient of x is straight-through where low < x / s < high, else
zero. The gradient of s is, summed over all x, g (q - x / s) between the ends and g times the end beyond them, where
g = 1 / sqrt(n high), n the values of a weight tensor or of one image. What is learned here is log s: s stays positive, and
an optimizer that takes steps of a fixed size, as Adam does, changes it by a share of itself, whatever its size.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.uniform import UniformQuantizer

NORMAL_MEAN = math.sqrt(2 / math.pi)
"""The mean |x| of a standard normal value, as pre-activations are at the start, after their normalisation."""
NORMAL_REACH = 4.0
"""Standard deviations beyond which next to no normal value lies. Not tuned."""
SMALLEST_STEP = 1e-8
"""The step of weights that are all zero. Not tuned."""


class _LearnedStep(torch.autograd.Function):
    """q s with the gradients of LSQ; `share` is g."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, step: Tensor, grid: Grid, share: float) -> Tensor:
        ctx.save_for_backward(values, step)
        ctx.grid, ctx.share = grid, share
        return (values / step).round_().clamp_(grid.low, grid.high).mul_(step)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        values, step = ctx.saved_tensors
        gradient, grid = gradients[0], ctx.grid
        scaled = values / step
        passed: Tensor = torch.ops.aten.hardtanh_backward(gradient, scaled, grid.low, grid.high)
        if not ctx.needs_input_grad[1]:
            return passed, None, None, None
        # Between the ends (q - x / s), beyond them the end itself: q less x / s where the gradient of x passes.
        clipped = scaled.clamp(grid.low, grid.high)
        of_step = torch.sum(gradient * clipped.round()) - torch.sum(passed * clipped)
        return passed, (of_step * ctx.share).reshape(step.shape), None, None


def learned_step(values: Tensor, step: Tensor, grid: Grid, count: int) -> Tensor:
    """values (...) on the grid times step (), with gradients for both; count: the values that share the step."""
    result: Tensor = _LearnedStep.apply(values, step, grid, 1 / math.sqrt(max(1, count) * max(1.0, grid.high)))
    return result


class LearnedStepQuantizer(UniformQuantizer):
    """Activations rounded to a grid of `bits` bits: from 0 up, which includes the ReLU, or `signed`.

    The step starts where LSQ puts it for standard normal values, or where the grid reaches them all if that is less. In eval
    mode the gradient is the surrogate's.
    """

    def __init__(self, bits: int, signed: bool = False) -> None:
        super().__init__(Grid.whole(bits, signed))
        mean = NORMAL_MEAN if signed else NORMAL_MEAN / 2
        start = min(2 * mean / math.sqrt(self.grid.high), NORMAL_REACH / self.grid.high)
        self.log_step = nn.Parameter(torch.tensor(math.log(start)))

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, ...)."""
        step = self.log_step.exp()
        if torch.onnx.is_in_onnx_export():
            return _quantize_dequantize(values, step.detach(), self.grid)
        if self.training:
            return learned_step(values, step, self.grid, values[0].numel())
        return self.quantize(values, step)


class _Uniform(nn.Module):
    """What both kinds of layers with uniform weights have in common. `weight` holds the weights before they are rounded."""

    weight: Tensor
    grid: Grid
    log_step: nn.Parameter

    @property
    def weight_bits(self) -> int:
        """Bits of a weight; ternary ones have two."""
        return self.grid.bits

    def reset_step(self) -> None:
        """Puts the step where LSQ starts for the weights as they are, 2 mean |w| / sqrt(high), or max |w| / high if that is less.

        The second, which is that of a grid that reaches the largest weight, matters for weights that are spread evenly.
        """
        sizes = self.weight.detach().abs()
        start = torch.minimum(2 * sizes.mean() / math.sqrt(self.grid.high), sizes.max() / self.grid.high)
        start = torch.log(start.clamp_min(SMALLEST_STEP))
        self.log_step = nn.Parameter(start)

    def used_weight(self) -> Tensor:
        """The weights (out, ...) that the layer multiplies with."""
        step = self.log_step.exp()
        if torch.onnx.is_in_onnx_export():
            return _dequantize(self.weight.detach(), step.detach(), self.grid)
        if self.training:
            return learned_step(self.weight, step, self.grid, self.weight.numel())
        return self.rounded_weight()

    def rounded_weight(self) -> Tensor:
        """The weights (out, ...) as they are deployed: whole numbers times the step."""
        step = self.log_step.detach().exp()
        return torch.round(self.weight.detach() / step).clamp(self.grid.low, self.grid.high) * step


class UniformConv2d(_Uniform, nn.Conv2d):
    """A convolution with weights on a grid."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        grid: Grid,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=bias)
        self.grid = grid
        self.reset_step()

    def forward(self, values: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H', W')."""
        result: Tensor = self._conv_forward(values, self.used_weight(), self.bias)
        return result


class UniformLinear(_Uniform, nn.Linear):
    """A linear layer with weights on a grid."""

    def __init__(self, in_features: int, out_features: int, *, grid: Grid, bias: bool = False) -> None:
        super().__init__(in_features, out_features, bias)
        self.grid = grid
        self.reset_step()

    def forward(self, values: Tensor) -> Tensor:
        """(N, in) -> (N, out)."""
        return nn.functional.linear(values, self.used_weight(), self.bias)


@torch.no_grad()
def round_weights(layer: UniformConv2d | UniformLinear) -> None:
    """Puts the layer's weights on its grid, in place; its outputs in eval mode stay as they are."""
    layer.weight.copy_(layer.rounded_weight())


def _quantize_dequantize(values: Tensor, step: Tensor, grid: Grid) -> Tensor:
    """ONNX's QuantizeLinear, Clip where the grid has fewer than eight bits, and DequantizeLinear: values (...) -> (...)."""
    kind = torch.int8 if grid.low < 0 else torch.uint8
    zero = torch.zeros((), dtype=kind)
    levels = _onnx("QuantizeLinear", (values, step, zero), kind, values)
    if grid.bits < 8:
        ends = (torch.tensor(int(end), dtype=kind) for end in (grid.low, grid.high))
        levels = _onnx("Clip", (levels, *ends), kind, values)
    return _onnx("DequantizeLinear", (levels, step, zero), values.dtype, values)


def _dequantize(weight: Tensor, step: Tensor, grid: Grid) -> Tensor:
    """ONNX's DequantizeLinear of whole weights (...) -> (...)."""
    levels = torch.round(weight / step).clamp(grid.low, grid.high).to(torch.int8)
    return _onnx("DequantizeLinear", (levels, step, torch.zeros((), dtype=torch.int8)), weight.dtype, weight)


def _onnx(operator: str, inputs: tuple[Tensor, ...], dtype: torch.dtype, like: Tensor) -> Tensor:
    return torch.onnx.ops.symbolic(operator, inputs, dtype=dtype, shape=like.shape)
