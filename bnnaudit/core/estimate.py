"""A fraction with its interval."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A fraction of `n` images with its 95 % Wilson interval."""

    value: float
    low: float
    high: float
    n: int
