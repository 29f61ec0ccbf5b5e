"""Which levels an image can give its pixels within a threat, and what to set a pixel to for each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.auto.levels.input_levels import InputLevels
from bnnaudit.core.threat import Box, Threat

CLEARANCE = 0.25
"""Share of an 8-bit pixel value: how far from a threshold a pixel is set, so that rounding in the network's first layers does not
take it back. Not tuned."""


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """The levels that each of N images can give its pixels within a threat; only pixels that have a choice are listed.

    pixels (N, S) int64: the pixel of each slot, filled up with P. counts (N, S): the levels to choose from, 1 where filled
    up. levels (N, S, R) int64: which they are, the image's own first, then the nearest first. values (N, S, R): what to set
    the pixel to, the image's own value first; the others are clear of the threshold.
    """

    pixels: Tensor
    counts: Tensor
    levels: Tensor
    values: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def combinations(self) -> Tensor:
        """How many different images the network can be shown (N,) float64."""
        return self.counts.double().prod(dim=1)

    def select(self, rows: Tensor) -> Reach:
        """The reach of some of the images."""
        return Reach(self.pixels[rows], self.counts[rows], self.levels[rows], self.values[rows])


def within_reach(levels: InputLevels, images: Tensor, threat: Threat) -> Reach:
    """What L-inf perturbations of images (N, ...) of at most `threat.radius` inside the box can do."""
    pixels = images.flatten(1)
    low, high = threat.box.low, threat.box.high
    first = torch.maximum(levels.starts, (pixels - threat.radius).clamp(low, high)[:, :, None])
    last = torch.minimum(levels.ends, (pixels + threat.radius).clamp(low, high)[:, :, None])
    reachable = first <= last
    counts = reachable.sum(dim=2)
    choices = counts > 1
    size = max(1, int(choices.sum(dim=1).max())) if len(images) else 1
    slots = choices.int().argsort(dim=1, descending=True, stable=True)[:, :size]
    used = choices.gather(1, slots)
    most = max(1, int(counts.max())) if len(images) else 1
    near = torch.minimum(torch.maximum(pixels[:, :, None], first), last)
    distance = torch.where(reachable, (near - pixels[:, :, None]).abs(), torch.inf)
    order = distance.argsort(dim=2, stable=True)[:, :, :most]
    values = torch.where(distance == 0, pixels[:, :, None], _clear(near, first, last, threat.box))
    ranked = torch.where(reachable, values, pixels[:, :, None]).gather(2, order)
    return Reach(
        pixels=torch.where(used, slots, pixels.shape[1]),
        counts=torch.where(used, counts.gather(1, slots), 1),
        levels=_of_slots(order, slots),
        values=_of_slots(ranked, slots),
    )


def _of_slots(table: Tensor, slots: Tensor) -> Tensor:
    """table (N, P, R), slots (N, S) -> (N, S, R)."""
    return table.gather(1, slots[:, :, None].expand(-1, -1, table.shape[2]))


def _clear(near: Tensor, first: Tensor, last: Tensor, box: Box) -> Tensor:
    """A number from `first` to `last` on the side of `near`, one of these two, but CLEARANCE or more away from it: an 8-bit value
    where there is one, else the middle of what can be reached.
    """
    step = box.width / 255
    place = (near.double() - box.low) / step
    rising = near == first
    whole = torch.where(rising, torch.ceil(place + CLEARANCE), torch.floor(place - CLEARANCE))
    value = (whole * step + box.low).to(near.dtype)
    return torch.where((value >= first) & (value <= last), value, first + (last - first) / 2)
