"""Statistics of counts: how much a sample of images can show, and how much many comparisons of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

Proportion: TypeAlias = tuple[float, float, float]
"""A share with the lower and the upper end of its interval."""
Z95 = 1.959963984540054
"""Standard deviations of a two-sided 95 % interval."""


def wilson_interval(successes: float, total: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval for a proportion ([Wilson 1927]); (0, 1) where there is no sample.

    The successes may be a fraction of an image, to foresee what a larger sample would show.
    """
    if total == 0:
        return 0.0, 1.0
    share = successes / total
    denominator = 1 + z * z / total
    centre = (share + z * z / (2 * total)) / denominator
    half = z / denominator * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == total else min(1.0, centre + half)
    return low, high


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value that two attacks on the same images fool them equally often ([McNemar 1947]).

    only_first, only_second: images that just one of the two fooled. 1.0 where they never differ.
    """
    total = only_first + only_second
    if total == 0:
        return 1.0
    smaller = min(only_first, only_second)
    log_half = total * math.log(2)
    tail = math.fsum(
        math.exp(math.lgamma(total + 1) - math.lgamma(i + 1) - math.lgamma(total - i + 1) - log_half)
        for i in range(smaller + 1)
    )
    return min(1.0, 2 * tail)


def paired_difference_interval(
    only_first: float, only_second: float, total: int, z: float = Z95
) -> tuple[float, float]:
    """Interval for (only_second - only_first) / total over paired images ([Agresti & Min 2005]: half an image per cell).

    Positive where the second attack fools more. (-1, 1) where there is no sample. The counts may be fractions of an image, to
    foresee what a larger sample would show.
    """
    if total == 0:
        return -1.0, 1.0
    first, second, count = only_first + 0.5, only_second + 0.5, total + 2
    difference = (second - first) / count
    half = z * math.sqrt(max(0.0, (first + second) / count - difference**2) / count)
    return max(-1.0, difference - half), min(1.0, difference + half)


def difference_interval(first: Proportion, second: Proportion) -> tuple[float, float]:
    """Interval for first - second of independent samples from their own intervals ([Newcombe 1998] method 10).

    Each is the share with both ends of its Wilson interval, at whose level the result is.
    """
    (one, one_low, one_high), (two, two_low, two_high) = first, second
    difference = one - two
    low = difference - math.hypot(one - one_low, two_high - two)
    high = difference + math.hypot(one_high - one, two - two_low)
    return max(-1.0, low), min(1.0, high)


def mean_interval(values: Sequence[float], z: float = Z95) -> Proportion:
    """The mean of two values at least, with its normal interval."""
    count = len(values)
    mean = math.fsum(values) / count
    half = z * math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1) / count)
    return mean, mean - half, mean + half


def median_interval(values: Sequence[float], level: float = 0.95) -> Proportion:
    """The median of one value at least, with an exact interval for the distribution's median from order statistics.

    Whatever the distribution, as that of times, which other work on the machine gives a long tail: the ends are the order
    statistics nearest to the middle that enclose it with a probability of at least `level`, by the binomial distribution of
    ranks. Fewer than six values cannot reach 95 %; of them the interval holds all.
    """
    ordered, count = sorted(values), len(values)
    middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    low = 0
    below = 1 + count  # of 2^count patterns, those with at most low + 1 values below the distribution's median
    while low + 1 < count / 2 and 2 * below / 2**count <= 1 - level:
        low += 1
        below += math.comb(count, low + 1)
    return middle, ordered[low], ordered[count - 1 - low]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjusted p-values, in the order given ([Holm 1979]).

    Rejecting what is below a level keeps the chance of even one false rejection in the whole run below that level,
    however the comparisons depend on one another.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)
