"""What an attack gives back."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Cost:
    """Work done, counted per image: a forward pass over 10 images counts 10."""

    forwards: int = 0
    backwards: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.forwards + other.forwards, self.backwards + other.backwards)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one attack on N images.

    images (N, ...): for each image the first iterate that the differentiable copy got wrong, else the one of best loss.
    fooled (N,) bool: by the differentiable copy's own word; whoever runs the attack checks it again. fooled_at (N,) int64:
    the number of steps taken before the first success (0 is the random start), -1 where there was none, counted in the
    restart that succeeded. betas (N,): the temperature in force at the last step.
    """

    images: Tensor
    fooled: Tensor
    fooled_at: Tensor
    betas: Tensor
    cost: Cost
