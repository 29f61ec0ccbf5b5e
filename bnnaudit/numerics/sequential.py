"""Tests that may look after every observation, and stop when they know enough."""

from __future__ import annotations

import math
from dataclasses import dataclass


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
