"""How many bits the weights of a layer need, from their values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.facts import FLOAT_BITS

EVIDENCE = 2
"""Values needed for each level that is claimed: few values do not prove few levels. Not tuned."""
SHORTEST_GRID = 8
"""Values from which on a grid is looked for; not tuned."""
PLENTY = 8
"""Values for each level from which on levels that do not occur are taken not to exist. Not tuned: of levels that occur one
time in eight or more, exp(-8) are then missing."""
COUNTED = 16
"""Largest number of levels that is counted, evenly spaced or not."""
FEWEST = 4
"""Levels of so few bits that a grid is out of the question."""
SHORT_GRIDS = range(2, 9)
"""Bits of the grids that are distinguished."""
MOST_LEVELS = 256
"""Points of the longest of these grids."""
LONG_GRID = 65536
"""Points of the grid of 16 bits."""
TOLERANCE = 0.02
"""How far from a whole multiple of its step a level may lie; float32 scales leave less than a thousandth."""
SAMPLE = 4096
"""Values looked at first: float weights show more levels than a grid has at once."""


def bits_of(weights: NDArray[Any], channel_axis: int) -> int:
    """1 to 8, or 16, where the values need no more, in the tensor or in each output channel; 32 otherwise.

    1 to 4: so many distinct values (2, 4, 8, 16), even or not. 3 to 8 and 16: on an even grid of so many points.
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
    counted = _bits_for(len(levels)) if len(levels) <= COUNTED and len(row) >= EVIDENCE * len(levels) else None
    if counted is not None and (len(levels) <= FEWEST or len(row) >= PLENTY * len(levels)):
        return counted
    if len(row) < SHORTEST_GRID and counted is None:
        return FLOAT_BITS
    points = _points_of_short_grid(levels)
    if points is not None:
        return _bits_for(points)
    return counted or (16 if _on_long_grid(levels) else FLOAT_BITS)


def _bits_for(levels: int) -> int:
    """The bits of so many codes, 1 at least."""
    return max(1, (levels - 1).bit_length())


def _sample_with_ends(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Some levels of a long row, the outermost and the one next to zero among them: these tell the step."""
    sizes = np.abs(row)
    nearest = row[np.where(sizes > 0, sizes, np.inf).argmin()]
    return np.unique([*row[:: max(1, len(row) // SAMPLE)], row.min(), row.max(), nearest])


def _points_of_short_grid(levels: NDArray[np.float64]) -> int | None:
    """The points from the lowest level to the highest, of the coarsest grid that holds all; None beyond 256 points.

    Its step is the smallest gap, or, where not every point occurs, what the largest value or the whole range suggests.
    """
    if len(levels) < 2:
        return None
    largest, width = np.abs(levels).max(), levels[-1] - levels[0]
    steps = [np.diff(levels).min()]
    for bits in SHORT_GRIDS:
        steps += [largest / (2 ** (bits - 1) - 1), largest / 2 ** (bits - 1), width / (2**bits - 1)]
    found = [points for step in steps if (points := _points(levels, step, MOST_LEVELS)) is not None]
    return min(found, default=None)


def _on_long_grid(levels: NDArray[np.float64]) -> bool:
    """Whether all levels lie on one grid of at most 65,536 points.

    A gap between large values is too coarse in float32 to be its step; the level next to zero is fine enough.
    """
    sizes = np.abs(levels[levels != 0])
    if len(sizes) == 0:
        return False
    width = levels[-1] - levels[0]
    steps = (sizes.min(), sizes.max() / 32767, sizes.max() / 32768, width / (LONG_GRID - 1))
    return any(_points(levels, step, LONG_GRID) is not None for step in steps)


def _points(levels: NDArray[np.float64], step: float, most: int) -> int | None:
    """How many points of a grid lie from the lowest to the highest level, if all are multiples of `step` and no more than `most`.

    Counted from zero or from the lowest level.
    """
    for origin in (0.0, levels[0]):
        places = (levels - origin) / step
        if places[-1] - places[0] < most and np.abs(places - np.rint(places)).max() < TOLERANCE:
            return int(np.rint(places[-1] - places[0])) + 1
    return None
