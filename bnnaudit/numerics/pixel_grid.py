"""The values that a pixel can have where it is stored in B bits or as a whole number, and the ways onto them.

A grid value is first + k / steps * (last - first) for a level k from 0 to `steps`, computed in float64 and rounded once, as
`data` reads a picture: with 8 bits exactly 0, 1, ..., 255 in a box 0..255, and in a box 0..1 float32(k) / float32(255).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

SLACK = 2.0**-22
"""Distance to a grid value that float32 arithmetic explains, as a fraction of the largest number in the box:
two units in the last place."""


@dataclass(frozen=True, slots=True)
class PixelGrid:
    """Pixels inside the box [low, high], whose grid runs from `first` to `last` in so many steps.

    first, last, steps: one for all channels, or one for each. The ends of a grid may lie a little outside the box, whose own
    ends then stand for them.
    """

    low: float
    high: float
    first: tuple[float, ...]
    last: tuple[float, ...]
    steps: tuple[int, ...]

    @classmethod
    def of_bits(cls, low: float, high: float, bits: int) -> PixelGrid:
        """The pixels of `bits` bits in the box [low, high]: 256 with 8 bits."""
        return cls(low, high, (low,), (high,), (2**bits - 1,))

    @property
    def unit(self) -> float:
        """From one grid value to the next; where channels differ, in the channel of the smallest steps."""
        return min(self._units)

    @property
    def _units(self) -> tuple[float, ...]:
        return tuple(
            (last - first) / steps for first, last, steps in zip(self.first, self.last, self.steps, strict=True)
        )

    @property
    def _slack(self) -> float:
        """What counts as no distance, in levels."""
        return SLACK * max(abs(self.low), abs(self.high)) / self.unit

    def units(self, like: Tensor) -> Tensor:
        """`unit` of each channel, in float64, to broadcast with images (N, ...)."""
        return _by_channel(self._units, like)

    def heights(self, values: Tensor) -> Tensor:
        """Where values (N, ...) lie, in levels: whole numbers on the grid, in float64."""
        return (values.double() - _by_channel(self.first, values)) / self.units(values)

    def values(self, levels: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """The pixels of these levels (N, ...)."""
        first, steps = _by_channel(self.first, levels), _by_channel(self.steps, levels)
        exact = levels.double() * (_by_channel(self.last, levels) - first) / steps + first
        return exact.clamp(self.low, self.high).to(dtype)

    def levels(self, images: Tensor) -> Tensor:
        """The nearest levels (N, ...) int64."""
        return self.within(self.heights(images).round()).long()

    def within(self, levels: Tensor) -> Tensor:
        """Levels (N, ...), the nearest ones where there are no such."""
        return torch.minimum(levels.clamp_min(0), _by_channel(self.steps, levels).to(levels.dtype))

    def holds(self, images: Tensor) -> Tensor:
        """(N, ...) bool: pixels that are grid values, up to the rounding of float32."""
        heights = self.heights(images)
        return (heights - heights.round()).abs() <= self._slack

    def nearest(self, images: Tensor) -> Tensor:
        """The nearest grid values (N, ...)."""
        return self.values(self.levels(images), images.dtype)

    def towards(self, points: Tensor, origins: Tensor) -> Tensor:
        """Each pixel of points (N, ...) at the last grid value on its way from the original's pixel.

        Where no grid value lies on that way the pixel keeps the original's value, to the bit, on the grid or not. So no
        pixel moves away from its original, and a ball or box that holds the points holds the result.
        """
        heights, home, slack = self.heights(points), self.heights(origins), self._slack
        above = heights > home
        reached = torch.where(above, (heights + slack).floor(), (heights - slack).ceil())
        left = torch.where(above, reached - home, home - reached) > slack
        return torch.where(left, self.values(reached, points.dtype), origins)

    def nearest_linf(self, points: Tensor, origins: Tensor, radius: float) -> Tensor:
        """The grid values nearest to points (N, ...) among those that are at most `radius` from origins on the grid."""
        home = self.heights(origins).round()
        most = (radius / self.units(points) + self._slack).floor()
        levels = torch.minimum(torch.maximum(self.heights(points).round(), home - most), home + most)
        return torch.where(levels == home, origins, self.values(self.within(levels), points.dtype))

    def nearest_l2(self, points: Tensor, origins: Tensor, radius: float, axis: int = 1) -> Tensor:
        """Grid values near points (N, ...) of the L2 ball of `radius` around origins on the grid, and in that ball as well.

        Every pixel goes to the grid value before it, seen from the original; of those that are nearer to the one behind as
        many go there, the nearest ones first, as the ball has room for. axis: 1 where the ball is that of the whole image,
        2 where each channel has one.
        """
        home, unit = self.heights(origins).round(), self.units(points)
        shift = self.heights(points) - home
        size = shift.abs()
        before = (size + self._slack).floor()
        rest = (size - before).clamp_min(0)
        lengths = (unit * before).flatten(axis).square()
        added = (unit * (before + 1)).flatten(axis).square() - lengths
        order = rest.flatten(axis).argsort(dim=-1, descending=True, stable=True)
        total = added.gather(-1, order).cumsum(dim=-1)
        room = radius**2 * (1 + SLACK) - lengths.sum(dim=-1, keepdim=True)
        fits = torch.zeros_like(total, dtype=torch.bool).scatter(-1, order, total <= room).view_as(shift)
        levels = home + shift.sign() * (before + (fits & (rest > 0.5)))
        return torch.where(levels == home, origins, self.values(self.within(levels), points.dtype))


def _by_channel(numbers: tuple[float, ...] | tuple[int, ...], like: Tensor) -> Tensor:
    """One number for all or one a channel, along the second axis of images (N, C, ...), in float64."""
    values = torch.tensor(numbers, dtype=torch.float64, device=like.device)
    return values if len(numbers) == 1 else values.view(-1, *(1,) * (like.dim() - 2))
