"""Steps whose value has already been computed: the recorded operators of a user's network, which stay as they are.

Each module is given the value together with what the step was taken of, and adds the surrogate's gradient to it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bnnaudit.quantization.quantizers import Quantizer
from bnnaudit.quantization.surrogates import (
    FEW_LEVELS,
    Relaxation,
    between_levels,
    grid_step,
    round_step,
    sign_step,
    with_gradient_of,
)


class GradientOfSum(nn.Module):
    """A value with the gradient of a sum of others, each with a sign: what is left of a sum in which terms cancel; not a step."""

    def __init__(self, signs: Sequence[float]) -> None:
        super().__init__()
        self.signs = tuple(signs)

    def forward(self, value: Tensor, *terms: Tensor) -> Tensor:
        """value (...), terms broadcastable to it -> (...)."""
        if not torch.is_grad_enabled():
            return value
        if self.signs == (1.0,):
            return with_gradient_of(terms[0], value)
        total = self.signs[0] * terms[0]
        for sign, term in zip(self.signs[1:], terms[1:], strict=True):
            total = total + sign * term
        return with_gradient_of(total, value)


class RecordedSign(Quantizer):
    """A value of two levels (or three) that changes where `values` passes zero."""

    op = "sign"
    bits = 1

    def __init__(self, levels: tuple[float, float] = (-1.0, 1.0)) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, values: Tensor, plain: Tensor) -> Tensor:
        """values, plain (N, ...) -> (N, ...) equal to `plain`."""
        middle = sum(self.levels) / 2
        step = sign_step(values, torch.sign(plain.detach() - middle), self.surrogate)
        return between_levels(step, plain, self.levels, self.surrogate)


class RecordedRounding(Quantizer):
    """A value that follows `values` in many small steps; the straight-through gradient is 1."""

    op = "round"

    def __init__(self, op: str = "round") -> None:
        super().__init__()
        self.op = op

    def forward(self, values: Tensor, plain: Tensor) -> Tensor:
        """values, plain (...) -> (...) equal to `plain`."""
        return round_step(values, plain)


class RecordedGrid(Quantizer):
    """Whole numbers that `values` was rounded to, between two ends.

    shift: what rounding up or down adds to a value, -1/2 where it was `floor`; taken off before the gradient is.
    """

    op = "quantize"

    def __init__(self, low: float, high: float, shift: float = 0.0) -> None:
        super().__init__()
        self.low, self.high, self.shift = low, high, shift
        self.bits = max(1, int(high - low).bit_length())

    def forward(self, values: Tensor, plain: Tensor) -> Tensor:
        """values, plain (...) -> (...): `plain` between the ends."""
        nearest = plain.detach()
        return grid_step(
            values + self.shift, nearest.clamp(self.low, self.high), nearest, (self.low, self.high), self.surrogate
        )


class RecordedStairs(Quantizer):
    """A value that jumps from one of `levels` (T + 1,) to the next where `values` passes one of `thresholds` (T,), ascending.

    Few levels follow the surrogate at the nearest threshold, many the straight line through all of them.
    """

    op = "quantize"
    thresholds: Tensor
    levels: Tensor

    def __init__(self, thresholds: Tensor, levels: Tensor) -> None:
        super().__init__()
        self.register_buffer("thresholds", thresholds.detach().clone())
        self.register_buffer("levels", levels.detach().clone())
        self.bits = max(1, (len(levels) - 1).bit_length())

    def forward(self, values: Tensor, plain: Tensor) -> Tensor:
        """values, plain (N, ...) -> (N, ...) equal to `plain`, but for a relaxation of few levels."""
        if len(self.thresholds) >= FEW_LEVELS:
            return self._sloped(values, plain)
        relaxed = isinstance(self.surrogate, Relaxation)
        if not (relaxed or torch.is_grad_enabled()):
            return plain
        middles = (self.thresholds[1:] + self.thresholds[:-1]) / 2
        nearest = torch.bucketize(values.detach(), middles)
        away = values - self.thresholds[nearest]
        low, high = self.levels[nearest], self.levels[nearest + 1]
        step = sign_step(away, torch.where(away.detach() >= 0, 1.0, -1.0).to(values.dtype), self.surrogate)
        followed = (low + high) / 2 + step * ((high - low) / 2)
        return followed if relaxed else with_gradient_of(followed, plain)

    def _sloped(self, values: Tensor, plain: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return plain
        first, last = self.thresholds[0], self.thresholds[-1]
        margin = (last - first) / (len(self.thresholds) - 1)
        inside = ((values >= first - margin) & (values <= last + margin)).to(values.dtype)
        slope = (self.levels[-1] - self.levels[0]) / (last - first + margin)
        return round_step(values * inside * slope, plain)


class Chosen(nn.Module):
    """A value that is one of two others by a step: `step` (0 or 1 with a gradient) * held + (1 - step) * otherwise."""

    def forward(self, value: Tensor, step: Tensor, held: Tensor, otherwise: Tensor) -> Tensor:
        """All broadcastable to value (...) -> (...)."""
        return with_gradient_of(otherwise + (held - otherwise) * step, value)


class FakeQuantization(Quantizer):
    """PyTorch's fake quantization, whose value is given: the nearest point of the grid in the units of `values`.

    The scale and the zero point broadcast to the values.
    """

    op = "quantize"
    scale: Tensor
    zero_point: Tensor

    def __init__(self, scale: Tensor, zero_point: Tensor, low: int, high: int) -> None:
        super().__init__()
        self.register_buffer("scale", scale.detach().clone())
        self.register_buffer("zero_point", zero_point.detach().to(scale.dtype).clone())
        self.ends = (float(low), float(high))
        self.bits = max(1, (high - low).bit_length())

    def forward(self, values: Tensor, plain: Tensor) -> Tensor:
        """values, plain (...) -> (...) equal to `plain`, but for a relaxation of few levels."""
        relaxed = isinstance(self.surrogate, Relaxation) and self.ends[1] - self.ends[0] < FEW_LEVELS
        if not (relaxed or torch.is_grad_enabled()):
            return plain
        levels = torch.round(plain.detach() / self.scale + self.zero_point)
        scaled = values / self.scale + self.zero_point
        step = grid_step(scaled, levels, torch.round(scaled.detach()), self.ends, self.surrogate)
        followed = (step - self.zero_point) * self.scale
        return followed if relaxed else with_gradient_of(followed, plain)
