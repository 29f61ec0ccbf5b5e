"""Tests and intervals for a share that hold however often one looks: for a sample that grows until something is decided."""

from __future__ import annotations

import math
from dataclasses import dataclass

PRIOR = 0.5
"""Both parameters of the beta distribution that is mixed over (Jeffreys' prior): the first interval whose upper end is below
5 % after no success at all has 120 trials at level 0.05, with the uniform prior 160."""
HALVINGS = 50
"""Of [0, 1] in search of an end of the interval: beyond the precision of a double near 1."""


def confidence_sequence(successes: int, total: int, level: float = 0.05) -> tuple[float, float]:
    """Interval for a proportion after `successes` of `total` trials; (0, 1) before the first.

    With probability at least 1 - level the proportion lies in all of the intervals of a growing sample at once, so that the
    sample may end for any reason that is seen in it. By the method of mixtures ([Robbins 1970]; [Howard et al. 2021]): the
    likelihood ratio of a beta-binomial against any fixed proportion is a martingale, and by Ville's inequality exceeds
    1 / level under the true one with probability at most `level`. Raises ValueError unless 0 <= successes <= total.
    """
    if not 0 <= successes <= total:
        raise ValueError(f"{successes} successes of {total}")
    if total == 0:
        return 0.0, 1.0
    failures = total - successes
    bound = -math.log(level) - _log_beta(successes + PRIOR, failures + PRIOR) + _log_beta(PRIOR, PRIOR)
    share = successes / total
    low = 0.0 if successes == 0 else _end(successes, failures, bound, outside=0.0, inside=share)
    high = 1.0 if failures == 0 else _end(successes, failures, bound, outside=1.0, inside=share)
    return low, high


def _end(successes: int, failures: int, bound: float, outside: float, inside: float) -> float:
    """Where minus the log-likelihood, which only rises from the observed share outwards, crosses the bound."""
    for _ in range(HALVINGS):
        middle = (outside + inside) / 2
        if _surprise(successes, failures, middle) < bound:
            inside = middle
        else:
            outside = middle
    return outside


def _surprise(successes: int, failures: int, share: float) -> float:
    """Minus the logarithm of share^successes (1 - share)^failures."""
    first = -successes * math.log(share) if successes else 0.0
    return first - (failures * math.log1p(-share) if failures else 0.0)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


@dataclass(frozen=True, slots=True)
class RatioTest:
    """Whether a share is as high as `usual` or as low as `poor` ([Wald 1945], sequential probability ratio test).

    level: chance to call a share of at least `usual` poor, however often one looks (Ville's inequality). enough: how many
    times less likely the poor share must be than the usual one before looking on is thought useless.
    """

    usual: float
    poor: float
    level: float
    enough: float

    def log_ratio(self, successes: int, failures: int) -> float:
        """Logarithm of how many times likelier the poor share makes these counts than the usual one."""
        found, missed = self.poor / self.usual, (1 - self.poor) / (1 - self.usual)
        return successes * math.log(found) + failures * math.log(missed)

    def is_poor(self, successes: int, failures: int) -> bool:
        """Whether the usual share is ruled out."""
        return self.log_ratio(successes, failures) >= -math.log(self.level)

    def is_settled(self, successes: int, failures: int) -> bool:
        """Whether more observations are not needed: the one share or the other is ruled out."""
        return self.is_poor(successes, failures) or self.log_ratio(successes, failures) <= -math.log(self.enough)
