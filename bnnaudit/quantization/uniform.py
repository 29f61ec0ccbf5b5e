"""Quantizers with many levels: scaled, rounded to a grid and brought to its ends."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.core.surrogate import STRAIGHT_THROUGH
from bnnaudit.quantization.grids import Grid, RoundingMode
from bnnaudit.quantization.quantizers import Quantizer
from bnnaudit.quantization.surrogates import grid_step


class GridQuantizer(Quantizer):
    """A step onto the numbers of `grid`; what quantizes to whole numbers returns them as floats, ready to be multiplied.

    The gradient is straight-through inside of the grid and zero where the value saturates; the surrogate matters on grids
    of few levels. Where `rounds` is unset, what would be rounded is passed on as it is.
    """

    op = "quantize"

    def __init__(self, grid: Grid, mode: RoundingMode = RoundingMode.HALF_EVEN, saturate: bool = True) -> None:
        super().__init__()
        self.grid = grid
        self.mode = mode
        self.saturate = saturate
        self.bits = grid.bits
        self.rounds = True

    def onto_grid(self, scaled: Tensor, zero_point: Tensor | None = None) -> Tensor:
        """scaled (...) in units of the grid, zero_point broadcastable -> numbers of the grid (...): rounded, then shifted."""
        if not self.rounds:
            return scaled if zero_point is None else scaled + zero_point.detach()
        nearest = self.grid.nearest(scaled.detach(), self.mode)
        if zero_point is not None:
            nearest = nearest + zero_point.detach()
            scaled = scaled + zero_point.detach()
        value = self.grid.inside(nearest, self.saturate)
        return self._stepped(scaled, value, nearest)

    def _stepped(self, scaled: Tensor, value: Tensor, nearest: Tensor) -> Tensor:
        """`value` (...) with the surrogate's gradient; short floats have no even steps and go straight through."""
        surrogate = self.surrogate if self.grid.mantissa is None else STRAIGHT_THROUGH
        return grid_step(scaled, value, nearest, (self.grid.low, self.grid.high), surrogate)

    def extra_repr(self) -> str:
        """For people: the grid."""
        return f"{self.grid.bits} bits, {self.grid.low:g} to {self.grid.high:g}"


class UniformQuantizer(GridQuantizer):
    """scale (q - zero_point), q = round(x / scale + zero_point) clipped to the grid: what was rounded, in its own units.

    clip_first: clips before it rounds, as QONNX does.
    """

    def __init__(
        self, grid: Grid, mode: RoundingMode = RoundingMode.HALF_EVEN, clip_first: bool = False, saturate: bool = True
    ) -> None:
        super().__init__(grid, mode, saturate)
        self.clip_first = clip_first

    def quantize(self, values: Tensor, scale: Tensor, zero_point: Tensor | None = None) -> Tensor:
        """values (...), scale and zero_point broadcastable -> (...)."""
        scaled = values / scale
        if zero_point is not None:
            scaled = scaled + zero_point
        if self.clip_first:
            clipped = self.grid.inside(scaled.detach(), self.saturate)
            value = self.grid.nearest(clipped, self.mode)
            levels = self._stepped(scaled, value, torch.round(scaled.detach()))
        else:
            levels = self.onto_grid(scaled)
        return (levels if zero_point is None else levels - zero_point) * scale
