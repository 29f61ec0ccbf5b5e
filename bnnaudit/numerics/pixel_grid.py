"""The values that a pixel of B bits can have, and the way onto them that never leads away from the original.

A grid value is low + k / (2^B - 1) * (high - low) for a level k from 0 to 2^B - 1, computed in float64 and rounded once, as
`data` reads a picture: with 8 bits exactly 0, 1, ..., 255 in a box 0..255, and in a box 0..1 float32(k) / float32(255).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SLACK = 2.0**-22
"""Distance to a grid value that float32 arithmetic explains, as a fraction of the largest number in the box."""


@dataclass(frozen=True, slots=True)
class PixelGrid:
    """The pixels of `bits` bits in the box [low, high]."""

    low: float
    high: float
    bits: int

    @property
    def top(self) -> int:
        """The highest level: 255 with 8 bits."""
        return int(2**self.bits - 1)

    @property
    def unit(self) -> float:
        """From one grid value to the next."""
        return (self.high - self.low) / self.top

    @property
    def _slack(self) -> float:
        """What counts as no distance, in levels."""
        return SLACK * max(abs(self.low), abs(self.high)) / self.unit

    def _heights(self, values: Tensor) -> Tensor:
        """Where values (N, ...) lie, in levels: whole numbers on the grid, in float64."""
        return (values.double() - self.low) * (self.top / (self.high - self.low))

    def values(self, levels: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """The pixels of these levels (N, ...)."""
        exact = levels.double() / self.top * (self.high - self.low) + self.low
        return exact.clamp(self.low, self.high).to(dtype)

    def levels(self, images: Tensor) -> Tensor:
        """The nearest levels (N, ...) int64."""
        return self._heights(images).round().long().clamp(0, self.top)

    def holds(self, images: Tensor) -> Tensor:
        """(N, ...) bool: pixels that are grid values, up to the rounding of float32."""
        heights = self._heights(images)
        return (heights - heights.round()).abs() <= self._slack

    def nearest(self, images: Tensor) -> Tensor:
        """The nearest grid values (N, ...)."""
        return self.values(self.levels(images), images.dtype)

    def towards(self, points: Tensor, origins: Tensor) -> Tensor:
        """Each pixel of points (N, ...) at the last grid value on its way from the original's pixel.

        Where no grid value lies on that way the pixel keeps the original's value, to the bit, on the grid or not. So no
        pixel moves away from its original, and a ball or box that holds the points holds the result.
        """
        heights, home, slack = self._heights(points), self._heights(origins), self._slack
        above = heights > home
        reached = torch.where(above, (heights + slack).floor(), (heights - slack).ceil())
        left = torch.where(above, reached - home, home - reached) > slack
        return torch.where(left, self.values(reached, points.dtype), origins)
