"""Where the gradient vanishes on its way back from the logits to the input."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

ARRIVES = 0.05
"""Share of images with a zero gradient at the input up to which the signal counts as arriving. Not tuned."""


class End(NamedTuple):
    """The number of a place, and the share of images whose gradient vanishes there."""

    place: int
    fraction: float


def where_it_vanishes(zero: Sequence[float]) -> End | None:
    """The place at which the gradient of most images vanishes; None where it arrives at the input.

    zero: the share of images with a zero gradient at each place, in order from the logits to the input. A place that most of
    the gradient passes by, on another branch, is not where it vanishes: a share counts up to what stays lost from there on.
    """
    if not zero or zero[-1] <= ARRIVES:
        return None
    stays = list(accumulate(reversed(zero), min))[::-1]
    lost = [here - before for here, before in zip(stays, [0.0, *stays], strict=False)]
    return End(lost.index(max(lost)), max(lost))
