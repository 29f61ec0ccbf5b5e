"""`tracked`: the b of `hns-logit`, taken anew at every step, so that it follows the margin as the attack lowers it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bnnaudit.core.outcome import Cost
from bnnaudit.core.target import Target
from bnnaudit.numerics.softmax_curvature import logit_betas
from bnnaudit.temperature.rule import Temperature


@dataclass(frozen=True, slots=True)
class TrackedTemperature(Temperature):
    """b from the current logits alone."""

    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """b (M,) at the random start."""
        return logit_betas(logits, labels, polished=False), Cost()

    def at_step(self, betas: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """b (M,) at the current point."""
        return logit_betas(logits, labels, polished=False)
