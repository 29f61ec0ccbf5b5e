"""What an adversarial image may be, and whether one is that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.evidence.errors import exact

Images = NDArray[np.float32]

FLOAT_NOISE = 2.0**-22
"""Two units in the last place of float32 relative to the largest value of the range: adding a perturbation to a pixel rounds by
half a unit, and so does the radius. In L2 this holds for each pixel, so the length may be off by the root of their number
times as much, and by as much of itself from the sum of squares."""
GRID_PART = 0.01
"""Part of a step between whole-number pixels that arithmetic may add to a length: less than any other whole number of steps."""
BLOCK = 2**20
"""Numbers that are looked at together: 8 MiB in float64. Not tuned; it changes no result."""
SAME = 1e-12
"""Part by which 8/255 may differ from itself, written in decimals and read back."""
WHOLE_STEP = 1e-6
"""Part of a step that a radius may lack to a whole number of them, for 8/255 * 255 need not be 8."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The values of a pixel: first + k / steps * (last - first) for whole k from 0 to steps, for all channels or each."""

    first: tuple[float, ...]
    last: tuple[float, ...]
    steps: tuple[int, ...]

    @property
    def units(self) -> NDArray[np.float64]:
        """From one value to the next."""
        first, last, steps = (np.array(values, np.float64) for values in (self.first, self.last, self.steps))
        units: NDArray[np.float64] = (last - first) / steps
        return units

    @property
    def words(self) -> str:
        """`256 values in 0..255`, of each channel where they differ."""
        ends = zip(self.first, self.last, self.steps, strict=True)
        parts = [f"{steps + 1} values in {exact(first)}..{exact(last)}" for first, last, steps in ends]
        return "; ".join(dict.fromkeys(parts))


@dataclass(frozen=True, slots=True)
class Threat:
    """What an adversarial image may be; `eps` in units of the [0,1] image, all else in the network's range."""

    norm: str
    eps: float
    low: float
    high: float
    grid: Grid | None
    image_bits: int | None
    per_channel: bool

    @property
    def radius(self) -> float:
        """In the network's range; for an input of whole numbers only the whole steps that it holds."""
        radius = self.eps * (self.high - self.low)
        if self.norm != "linf" or self.grid is None or not np.allclose(self.grid.units, self.grid.units[0], rtol=1e-6):
            return radius
        unit = float(self.grid.units.min())
        return math.floor(radius / unit + WHOLE_STEP) * unit

    @property
    def pixel_grid(self) -> Grid | None:
        """The values that a changed pixel may have, None for any."""
        coarser = self.image_bits is not None and (self.grid is None or 2**self.image_bits < max(self.grid.steps) + 1)
        return Grid((self.low,), (self.high,), (2 ** (self.image_bits or 0) - 1,)) if coarser else self.grid

    @property
    def words(self) -> str:
        """`L-inf 8/255 in 0..255`, every number in full: whoever reads it decides by it."""
        pixels = round(self.eps * 255) if self.eps <= 1 else 0
        # Nobody means 51/255 by 0.2.
        usual = pixels % 51 != 0 and math.isclose(self.eps, pixels / 255, rel_tol=SAME)
        eps = f"{pixels}/255" if usual else exact(self.eps)
        bits = f", {self.image_bits}-bit pixels" if self.image_bits is not None else ""
        whole = f", whole numbers ({self.grid.words})" if self.grid is not None else ""
        ball = " for each channel" if self.per_channel else ""
        box = f"{exact(self.low)}..{exact(self.high)}"
        return f"{'L-inf' if self.norm == 'linf' else 'L2'} {eps}{ball} in {box}{bits}{whole}"


def outside(threat: Threat, originals: Images, images: Images) -> list[str]:
    """For each of the images (n, ...) what is wrong with it, empty where it is inside the threat around its original.

    Computed in float64; float32 rounding alone is allowed for (`FLOAT_NOISE`).
    """
    step = max(1, BLOCK // math.prod(images.shape[1:]))
    starts = range(0, len(images), step)
    parts = [_outside(threat, originals[start : start + step], images[start : start + step]) for start in starts]
    return [reason for part in parts for reason in part]


@np.errstate(all="ignore")  # what is not a number is found, not warned of
def _outside(threat: Threat, originals: Images, images: Images) -> list[str]:
    low, high = np.float32(threat.low), np.float32(threat.high)
    lengths, slack = lengths_of(threat, originals, images)
    # A NaN is neither inside nor outside, so it is asked for the inside.
    held = [
        (((values >= low) & (values <= high)), f"{whose} leaves the range {low:g}..{high:g}")
        for values, whose in ((originals, "the original"), (images, "it"))
    ]
    grid = threat.pixel_grid
    if grid is not None:
        kind = "whole numbers" if grid is threat.grid else f"{threat.image_bits}-bit pixels"
        on_grid = (images == originals) | (images == nearest(grid, images, threat))
        held.append((on_grid, f"it has values between {kind}"))
    reasons = [""] * len(images)
    for place, length in enumerate(lengths):
        wrong = [what for values, what in held if not values[place].all()]
        if not length <= threat.radius + slack:
            wrong.append(f"it is {length:.9g} away, more than {threat.radius:.9g}")
        reasons[place] = ", ".join(wrong)
    return reasons


def lengths_of(threat: Threat, originals: Images, images: Images) -> tuple[NDArray[np.float64], float]:
    """The length (n,) of each perturbation in the threat's norm and in the range's units, and what rounding may add to it."""
    shifts = images.astype(np.float64) - originals.astype(np.float64)
    largest = max(abs(threat.low), abs(threat.high))
    if threat.norm == "linf":
        lengths, slack = np.abs(_flat(shifts)).max(axis=1, initial=0.0), FLOAT_NOISE * largest
    elif threat.per_channel and shifts.ndim > 2:
        parts = shifts.reshape(*shifts.shape[:2], math.prod(shifts.shape[2:]))
        lengths = np.sqrt(np.square(parts).sum(axis=2)).max(axis=1)
        slack = FLOAT_NOISE * (largest * math.sqrt(parts.shape[2]) + threat.radius)
    else:
        lengths = np.sqrt(np.square(_flat(shifts)).sum(axis=1))
        slack = FLOAT_NOISE * (largest * math.sqrt(math.prod(shifts.shape[1:])) + threat.radius)
    grid = threat.pixel_grid
    return lengths, slack if grid is None else min(slack, GRID_PART * float(grid.units.min()))


def nearest(grid: Grid, images: Images, threat: Threat) -> Images:
    """The nearest values of the grid (n, ...), an end of the range where the grid lies outside of it."""
    along = (-1, *(1,) * (images.ndim - 2))
    first, last, steps = (np.array(values, np.float64) for values in (grid.first, grid.last, grid.steps))
    if len(first) > 1:
        first, last, steps = (values.reshape(along) for values in (first, last, steps))
    levels = ((images.astype(np.float64) - first) / ((last - first) / steps)).round().clip(0, steps)
    exact = (levels * (last - first) / steps + first).clip(threat.low, threat.high)
    return exact.astype(np.float32)


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    return values.reshape(len(values), math.prod(values.shape[1:]))
