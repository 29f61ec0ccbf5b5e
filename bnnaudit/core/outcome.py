"""What an attack gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.core.auto_run import Part


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
    restart that succeeded. margins (N,): true logit minus the largest other one at `images`, by the differentiable copy;
    infinite where no iterate was looked at. betas (N,): the temperature in force at the last step. parts: what a run of
    several attacks was made of, in order; empty for a single one.
    """

    images: Tensor
    fooled: Tensor
    fooled_at: Tensor
    margins: Tensor
    betas: Tensor
    cost: Cost
    parts: tuple[Part, ...] = ()

    @classmethod
    def joined(cls, parts: Sequence[Outcome], images: Tensor) -> Outcome:
        """The outcomes of consecutive parts of a batch as one; `images` (N, ...) gives shape and device where N is 0."""
        if not parts:
            nobody = torch.zeros(0, dtype=torch.bool, device=images.device)
            return cls(images[:0], nobody, nobody.long(), nobody.float(), nobody.float(), Cost())
        names = ("images", "fooled", "fooled_at", "margins", "betas")
        tensors = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
        cost = sum((part.cost for part in parts), Cost())
        return cls(**tensors, cost=cost, parts=tuple(entry for part in parts for entry in part.parts))
