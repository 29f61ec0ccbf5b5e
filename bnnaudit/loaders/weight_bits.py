"""How many bits the weights of a layer really need, read off their values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT_BITS = 32

# Values for each level that is claimed, and on a grid in all: few values are not taken for few levels.
EVIDENCE = 2
SHORTEST_GRID = 8

# Points of the grids of 8 and of 16 bits.
MOST_LEVELS = 256
LONG_GRID = 65536

# How far from a whole multiple of its step a level may lie; float32 scales leave less than a thousandth.
TOLERANCE = 0.02

# Values looked at first: float weights show more levels than a grid has at once.
SAMPLE = 4096


def bits_of(weights: NDArray[Any], channel_axis: int) -> int:
    """1, 2, 4, 8 or 16 where the values need no more, in the tensor or in each output channel; 32 otherwise.

    1: two values at most. 2 and 4: so many distinct values (4, 16). 8 and 16: on an even grid of 256 or 65,536 points.
    """
    with np.errstate(invalid="ignore"):  # a damaged file may hold signalling NaNs
        values = np.asarray(weights, dtype=np.float64)
    if values.size == 0 or not np.isfinite(values).all():
        return FLOAT_BITS
    channels = np.moveaxis(values, channel_axis, 0).reshape(values.shape[channel_axis], -1) if values.ndim > 1 else None
    found = _bits(values.reshape(1, -1))
    return found if channels is None else min(found, _bits(channels))


def _bits(rows: NDArray[np.float64]) -> int:
    """The most bits that any row needs."""
    worst = 0
    for row in rows:
        worst = max(worst, _bits_of_row(row))
        if worst == FLOAT_BITS:
            break
    return worst or FLOAT_BITS


def _bits_of_row(row: NDArray[np.float64]) -> int:
    if len(np.unique(row[:: max(1, len(row) // SAMPLE)])) > MOST_LEVELS:
        return 16 if _on_long_grid(_sample_with_ends(row)) and _on_long_grid(np.unique(row)) else FLOAT_BITS
    levels = np.unique(row)
    for bits in (1, 2, 4):
        if len(levels) <= 2**bits and len(row) >= EVIDENCE * len(levels):
            return bits
    if len(row) < SHORTEST_GRID:
        return FLOAT_BITS
    if len(levels) <= MOST_LEVELS and _on_short_grid(levels):
        return 8
    return 16 if _on_long_grid(levels) else FLOAT_BITS


def _sample_with_ends(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Some levels of a long row, the outermost and the one next to zero among them: these tell the step."""
    sizes = np.abs(row)
    nearest = row[np.where(sizes > 0, sizes, np.inf).argmin()]
    return np.unique([*row[:: max(1, len(row) // SAMPLE)], row.min(), row.max(), nearest])


def _on_short_grid(levels: NDArray[np.float64]) -> bool:
    """Whether all levels lie on one grid of at most 256 points.

    Its step is the smallest gap, or, where not every point occurs, what the largest value or the whole range suggests.
    """
    largest, width = np.abs(levels).max(), levels[-1] - levels[0]
    steps = (np.diff(levels).min(), largest / 127, largest / 128, width / (MOST_LEVELS - 1))
    return any(_on_grid(levels, step, MOST_LEVELS) for step in steps)


def _on_long_grid(levels: NDArray[np.float64]) -> bool:
    """Whether all levels lie on one grid of at most 65,536 points.

    A gap between large values is too coarse in float32 to be its step; the level next to zero is fine enough.
    """
    sizes = np.abs(levels[levels != 0])
    if len(sizes) == 0:
        return False
    width = levels[-1] - levels[0]
    steps = (sizes.min(), sizes.max() / 32767, sizes.max() / 32768, width / (LONG_GRID - 1))
    return any(_on_grid(levels, step, LONG_GRID) for step in steps)


def _on_grid(levels: NDArray[np.float64], step: float, points: int) -> bool:
    """Whether all levels are whole multiples of `step`, counted from zero or from the lowest one, on so many points."""
    for origin in (0.0, levels[0]):
        places = (levels - origin) / step
        if places[-1] - places[0] < points and np.abs(places - np.rint(places)).max() < TOLERANCE:
            return True
    return False


def bits_of_majority(counts: dict[int, int]) -> int | None:
    """The bits that most weights have, from bits -> number of weights; None without weights."""
    return max(counts, key=lambda bits: (counts[bits], -bits)) if counts else None
