"""Whether a figure lies on the right side of a threshold, by its whole 95 % interval or by the estimate alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.gate import Bound, Outcome
from bnnaudit.core.policy import Decide
from bnnaudit.numerics.intervals import Z95, difference_interval, paired_difference_interval, wilson_interval
from bnnaudit.rules.comparison import Paired

MOST_IMAGES = 100_000
"""Images of a sample beyond which it is no advice to take more: twice the 50,000 of ImageNet's validation set."""
DIGITS = 12
"""Decimals to which differences of two fractions are rounded. Not tuned."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a comparison came to, and the part of the figure that it rests on; None where the threshold lies in the interval."""

    outcome: Outcome
    bound: Bound | None


def difference(first: float, second: float) -> float:
    """first - second without the last digits of floats, so that 0.8 - 0.7 is 0.1."""
    return round(first - second, DIGITS)


def at_least(figure: Estimate, threshold: float, decide: Decide) -> Answer:
    """Whether a figure is at least the threshold.

    By the interval: passed from the lower bound on, failed where the upper bound is below, undecided between the two. By the
    estimate: passed from the estimate on. Undecided without a single image.
    """
    if figure.n == 0:
        return Answer(Outcome.UNDECIDED, None)
    if decide is Decide.ESTIMATE:
        return Answer(Outcome.PASSED if figure.value >= threshold else Outcome.FAILED, Bound.ESTIMATE)
    if figure.low >= threshold:
        return Answer(Outcome.PASSED, Bound.LOWER)
    return Answer(Outcome.FAILED, Bound.UPPER) if figure.high < threshold else Answer(Outcome.UNDECIDED, None)


def at_most(figure: Estimate, threshold: float, decide: Decide) -> Answer:
    """Whether a figure is at most the threshold; the mirror image of `at_least`."""
    if figure.n == 0:
        return Answer(Outcome.UNDECIDED, None)
    if decide is Decide.ESTIMATE:
        return Answer(Outcome.PASSED if figure.value <= threshold else Outcome.FAILED, Bound.ESTIMATE)
    if figure.high <= threshold:
        return Answer(Outcome.PASSED, Bound.UPPER)
    return Answer(Outcome.FAILED, Bound.LOWER) if figure.low > threshold else Answer(Outcome.UNDECIDED, None)


def more_for_share(figure: Estimate, threshold: float) -> int | None:
    """About how many more images decide a share, if it stays as it is.

    Wilson's interval holds the thresholds t with (p - t)^2 <= z^2 t (1 - t) / n ([Wilson 1927]), so that n images are enough
    from z^2 t (1 - t) / (p - t)^2 on. None where that is more than `MOST_IMAGES`, or the estimate equals the threshold.
    """
    distance = difference(figure.value, threshold)
    if figure.n == 0 or distance == 0:
        return None
    return _more(math.floor(Z95**2 * threshold * (1 - threshold) / distance**2) + 1, figure.n)


def more_for_gap(lost: Paired, threshold: float) -> int | None:
    """About how many more images decide a paired difference, if the shares stay as they are; None as for a share."""
    if lost.total == 0 or difference(lost.gain, threshold) == 0:
        return None

    def decides(total: int) -> bool:
        factor = total / lost.total
        low, high = paired_difference_interval(factor * lost.only_first, factor * lost.only_second, total)
        return not low <= threshold < high

    return _more(_first(decides, lost.total + 1, MOST_IMAGES), lost.total)


def more_for_difference(first: Estimate, second: Estimate, threshold: float) -> int | None:
    """About how many more images of each of two independent samples decide first - second; None as for a share."""
    if 0 in (first.n, second.n) or difference(first.value - second.value, threshold) == 0:
        return None

    def decides(more: int) -> bool:
        low, high = difference_interval(_with_more(first, more), _with_more(second, more))
        return not low <= threshold < high

    needed = _first(decides, 1, MOST_IMAGES)
    return None if needed > MOST_IMAGES else needed


def _with_more(share: Estimate, more: int) -> tuple[float, float, float]:
    """The share with the interval that it has on more images, if it stays as it is."""
    total = share.n + more
    return share.value, *wilson_interval(share.value * total, total)


def _first(decides: Callable[[int], bool], low: int, high: int) -> int:
    """The first number from `low` on that decides, where all after it do; `high` + 1 where it does not."""
    if not decides(high):
        return high + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle + 1, high)
    return high


def _more(needed: int, used: int) -> int | None:
    return None if needed > MOST_IMAGES else max(1, needed - used)


def gap_to_declared(declared: float, verified: Estimate) -> Estimate:
    """How far a declared figure lies above the verified one: 0 where it does not."""
    value, low, high = (
        max(0.0, difference(declared, share)) for share in (verified.value, verified.high, verified.low)
    )
    return Estimate(value, low, high, verified.n)


def gap_of(lost: Paired) -> Estimate:
    """The share of the images that ordinary attacks claim and better ones refute, with its paired interval."""
    low, high = lost.interval
    return Estimate(lost.gain, max(0.0, low), high, lost.total)
