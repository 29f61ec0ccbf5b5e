"""Two attacks on the same images, compared image by image; and how shares and differences are written."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.finding import Measurement, Undecided
from bnnaudit.core.trial import TrialResult
from bnnaudit.numerics.intervals import mcnemar_exact, paired_difference_interval, wilson_interval

MATERIAL = 0.05
"""Accuracy that two attacks must differ by: about what changes from one published attack to the next on a network without
gradient masking."""
SERIOUS = 0.10
"""Fraction of the claimed accuracy: what stronger attacks take from an adversarially trained network without gradient masking
stays below it (published accuracies under PGD-20 and AutoAttack differ by two to five points of about fifty)."""
SIGNIFICANCE = 0.05
"""Level of the whole run, after Holm's correction. The usual one; not tuned."""
NO_LABELS = "the data have no labels to compare the model's predictions with"
NONE_DECLARED = "the card declares no such figure"
VARYING = "the model's answers vary between runs or with the batch (MF405, MF407), so a replay proves nothing"


@dataclass(frozen=True, slots=True)
class Paired:
    """How many of `total` images only the first, or only the second of two attacks fooled."""

    only_first: int
    only_second: int
    total: int

    @property
    def gain(self) -> float:
        """Accuracy that the second attack takes beyond the first."""
        return (self.only_second - self.only_first) / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The gain's 95 % interval."""
        return paired_difference_interval(self.only_first, self.only_second, self.total)

    @property
    def p_value(self) -> float:
        """McNemar's exact test that both fool equally often."""
        return mcnemar_exact(self.only_first, self.only_second)

    @property
    def is_material(self) -> bool:
        """Whether the second fools more by at least five points and the gain's interval lies above zero.

        Whether it is significant among all comparisons of the run is decided where all of them are known.
        """
        return self.interval[0] > 0 and self.gain >= MATERIAL

    def p_among(self, comparisons: int) -> float:
        """The p-value where this pair is the best of so many (Bonferroni)."""
        return min(1.0, self.p_value * comparisons)

    def undecided(self, name: str, comparisons: int = 1) -> tuple[Undecided, ...]:
        """What a check returns for a comparison without a material difference."""
        return (Undecided(name, self.p_among(comparisons)),)

    def measured(self, name: str) -> tuple[Measurement, Measurement]:
        """The gain and its p-value as numbers of a finding."""
        low, high = self.interval
        gain = Measurement(name, self.gain, "fraction of images", self.total, low, high)
        return gain, Measurement(f"{name}: McNemar p", self.p_value, "", self.total)


def is_serious(claimed: float, verified: float) -> bool:
    """Whether better attacks take so much of a claimed accuracy that it is wrong: 5 points, and a tenth of it."""
    return claimed - verified >= max(MATERIAL, SERIOUS * claimed)


def compare(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Paired:
    """Pairs the images that are still classified correctly (N,) after a first and after a second attack."""
    return Paired(int((second & ~first).sum()), int((first & ~second).sum()), len(first))


def accuracy(name: str, standing: NDArray[np.bool_]) -> Measurement:
    """Accuracy under attack with its Wilson interval, from the images still classified correctly (N,)."""
    return share(name, int(standing.sum()), len(standing))


def share(name: str, count: int, total: int, unit: str = "fraction of images") -> Measurement:
    """A count of a total as a fraction with its Wilson interval."""
    low, high = wilson_interval(count, total)
    return Measurement(name, count / total if total else 0.0, unit, total, low, high)


def percent(value: float) -> str:
    """0.583 as `58.3 %`."""
    return f"{100 * value:.1f} %"


def floor_percent(value: float) -> str:
    """0.4936 as `49.3 %`: a figure that is not above the value, with a digit less."""
    return f"{math.floor(round(1000 * value, 9)) / 10:g} %"


def with_interval(estimate: Estimate) -> str:
    """`58.2 % [52.5, 63.7]`, with the 95 % interval."""
    return f"{percent(estimate.value)} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def points_with_interval(difference: Estimate) -> str:
    """The same of a difference of accuracies: `3.0 points [0.0, 6.7]`."""
    return f"{100 * difference.value:.1f} points [{100 * difference.low:.1f}, {100 * difference.high:.1f}]"


def left(result: TrialResult) -> str:
    """The accuracy that an attack leaves, as `58.3 %`."""
    return percent(float(result.standing.mean()))


def in_percent(threshold: float) -> str:
    """A threshold of 0.05 as `5 %`."""
    return f"{100 * threshold:g} %"


def in_points(threshold: float) -> str:
    """A threshold of 0.05 as `5 points`, of accuracy."""
    number = f"{100 * threshold:g}"
    return f"{number} {'point' if number == '1' else 'points'}"
