"""Quantizing and dequantizing in one step: what stands between the operators of a network in QDQ form.

Taken apart, the two operators are some twenty passes over a tensor in the forward and the backward pass together, and keep
four tensors of its size; in one step they are five, and keep none that the operator before does not keep anyway.
"""

from __future__ import annotations

import inspect
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.step_hooks import is_watched
from bnnaudit.quantization.surrogates import FEW_LEVELS
from bnnaudit.quantization.uniform import GridQuantizer

SCALES = (1e-30, 1e30)
"""Scales between which no product of a scale and a level of a short type overflows or loses bits in single precision."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What comes before a step: values are clipped to low..high; a gradient passes between these, and not at them."""

    low: float = -math.inf
    high: float = math.inf


RELU = Bounds(low=0.0)


@dataclass(frozen=True, slots=True)
class Steps:
    """A step in one precision: levels from low to high, counted from the zero point; gradients pass in (below, above)."""

    low: float
    high: float
    below: float
    above: float


class _FakeQuantized(torch.autograd.Function):
    """scale * clip(round(x / scale)), with the gradient 1 where `steps` lets it pass, else 0."""

    generate_vmap_rule = True

    @staticmethod
    def forward(values: Tensor, scale: Tensor, steps: Steps) -> Tensor:
        return _value(values, scale, steps)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Steps], output: Tensor) -> None:
        values, _, ctx.steps = inputs
        ctx.save_for_backward(values)
        ctx.save_for_forward(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return _passed(ctx, gradients[0]), None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        return _passed(ctx, tangents[0])


# Torch asks for it at every call, and computing it again takes longer than the step itself in a small network.
_FakeQuantized.forward.__signature__ = inspect.signature(_FakeQuantized.forward)  # type: ignore[attr-defined]


class FakeQuantizer(GridQuantizer):
    """scale (q - zero_point), q = round(x / scale) + zero_point brought to the ends of the grid; halves to even.

    scale (): one for the whole tensor, as zero_point is; see `is_in_one_step`. before: what x is clipped to first, so that a
    Relu or a Clip costs nothing.
    """

    def __init__(self, grid: Grid, scale: Tensor, zero_point: float, before: Bounds = Bounds()) -> None:
        super().__init__(grid)
        self.scale = torch.nn.Parameter(scale, requires_grad=False)
        self.zero_point = zero_point
        self.before = before
        self._scale = float(scale)

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...) of the same type."""
        if is_watched() or not self.rounds:
            return self._apart(values)
        steps = _steps(self._scale, self.zero_point, self.grid, self.before, values.dtype)
        if not torch.is_grad_enabled():
            return _value(values, self.scale, steps)
        quantized: Tensor = _FakeQuantized.apply(values, self.scale, steps)
        return quantized

    def _apart(self, values: Tensor) -> Tensor:
        """The same with the quantized numbers in between, for hooks that watch the step from x / scale to them."""
        values = functional.hardtanh(values, self.before.low, self.before.high)
        zero_point = self.scale.new_tensor(self.zero_point)
        return (self.onto_grid(values / self.scale, zero_point) - zero_point) * self.scale


def is_in_one_step(grid: Grid, scale: float) -> bool:
    """Whether a `FakeQuantizer` can do it: whole numbers, of more levels than a surrogate follows one by one."""
    return grid.mantissa is None and grid.high - grid.low >= FEW_LEVELS and SCALES[0] <= scale <= SCALES[1]


def _value(values: Tensor, scale: Tensor, steps: Steps) -> Tensor:
    # Clipped about the zero point: adding and subtracting it, whole numbers both, would change no bit.
    return functional.hardtanh_(torch.div(values, scale).round_(), steps.low, steps.high).mul_(scale)


def _passed(ctx: Any, gradient: Tensor) -> Tensor:
    """The gradient (...) where the values lay in the open interval, which takes one pass and no mask."""
    (values,) = ctx.saved_tensors
    passed: Tensor = torch.ops.aten.hardtanh_backward(gradient, values, ctx.steps.below, ctx.steps.above)
    return passed


@lru_cache(maxsize=4096)
def _steps(scale: float, zero_point: float, grid: Grid, before: Bounds, dtype: torch.dtype) -> Steps:
    """A step in the precision of `dtype`, the interval of its gradient exact to the last bit."""
    kind = np.float64 if dtype is torch.float64 else np.float32
    low, high = grid.low - zero_point, grid.high - zero_point
    below, above = -_first_beyond(kind, scale, -low), _first_beyond(kind, scale, high)
    if before.low > -math.inf:
        low = min(max(low, float(np.rint(kind(before.low) / kind(scale)))), high)
        below = max(below, before.low)
    if before.high < math.inf:
        high = max(min(high, float(np.rint(kind(before.high) / kind(scale)))), low)
        above = min(above, before.high)
    return Steps(low, high, below, above)


def _first_beyond(kind: type[np.floating[Any]], scale: float, level: float) -> float:
    """The smallest number that, divided by the scale, is rounded to more than a level."""
    step, number = kind(scale), kind((level + 0.5) * scale)
    while np.rint(number / step) > level:
        number = np.nextafter(number, kind(-math.inf))
    while np.rint(number / step) <= level:
        number = np.nextafter(number, kind(math.inf))
    return float(number)
