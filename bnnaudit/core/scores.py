"""What a network's scores are: probabilities or not, and which tensor attacks climb where that is not the output itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

PROBABILITY_TOLERANCE = 1e-5
"""How far probabilities may be from [0, 1], and their sum from 1. In float32 softmax and the exponential of log-softmax are off
by 8e-7 at most (2 to 100,000 classes, logits of standard deviation 1 to 100)."""


def are_probabilities(scores: Tensor) -> bool:
    """Whether every row of (N, d) lies in [0, 1] and adds up to 1, to `PROBABILITY_TOLERANCE`; False where there is no row."""
    within = bool(((scores >= -PROBABILITY_TOLERANCE) & (scores <= 1 + PROBABILITY_TOLERANCE)).all())
    return len(scores) > 0 and within and bool(((scores.sum(dim=1) - 1).abs() <= PROBABILITY_TOLERANCE).all())


@dataclass(frozen=True, slots=True)
class ScoreFacts:
    """The tensor that attacks climb, found by measurement; whether an attack succeeded is judged by the output all the same.

    tensor, operator: its name in the file and what makes it. tail: the operators between it and the output, in order.
    points: images on which the order of the scores was compared. tied: of those, images whose output is tied at the top,
    where any of the tied classes was accepted. rejected: tensors of the same size further up whose order differs.
    scale: the factor by which the scores behind it are larger, which attacks are given too. logarithm: its logarithm is
    climbed, because it holds probabilities. levels: the fewest values that a quantizer in the tail can return, None where
    there is none. single: it is one number, whose sign decides between two classes.
    """

    tensor: str
    operator: str
    tail: tuple[str, ...]
    points: int
    tied: int
    rejected: tuple[str, ...] = ()
    scale: float = 1.0
    logarithm: bool = False
    levels: int | None = None
    single: bool = False

    @property
    def why(self) -> str:
        """Why this tensor, as a clause of a report."""
        tied = f" (the output is tied on {self.tied})" if self.tied else ""
        told = "its sign gives the output's class" if self.single else "its largest entry is in the output's class"
        return f"{told} on all {self.points} images compared{tied}"


@dataclass(frozen=True, slots=True)
class OutputScores:
    """What the deployed model's output makes of the differences between classes, on `images` clean images.

    tied: images whose two largest scores are equal, so that the number of the class decides. distinct: different values
    among all scores; at_ends: scores that share the largest or the smallest value of all with others, of `total`.
    """

    images: int
    tied: int
    distinct: int
    at_ends: int
    total: int
