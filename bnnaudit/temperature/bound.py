"""`bound`: the b of Proposition 1 alone ([Gupta & Ajanthan 2022], Table 14), from each image's logits at every step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.core.outcome import Cost
from bnnaudit.core.target import Target
from bnnaudit.numerics.hessian_scaling import temperature_bound
from bnnaudit.temperature.rule import Temperature


@dataclass(frozen=True, slots=True)
class BoundTemperature(Temperature):
    """The largest b below which the error signal 1 - p_k is sure to be above rho, whatever the error signal is at b = 1."""

    rho: float

    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """b (M,) at the random start."""
        return self.at_step(logits.new_ones(len(logits)), logits, labels), Cost()

    def at_step(self, betas: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """b (M,) at the current logits (M, d); 1 where the bound is no positive number, as where all logits are equal."""
        spread = logits.amax(dim=1) - logits.amin(dim=1)
        bound = temperature_bound(math.log(self.rho), logits.shape[1], spread)
        return torch.where(bound.isfinite() & (bound > 0), bound, torch.ones_like(bound))
