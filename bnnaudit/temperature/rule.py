"""What every temperature rule answers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from bnnaudit.core.outcome import Cost
from bnnaudit.core.target import Target


class Temperature(ABC):
    """b for each image: chosen where the attack starts, and by some rules anew at every step."""

    __slots__ = ()

    @abstractmethod
    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """b (M,) at the randomly started points (M, ...) with their logits (M, d), and what choosing it cost."""

    def at_step(self, betas: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """b (M,) at the current logits (M, d), given the b chosen at the start (M,): that one, unless a rule says otherwise."""
        return betas
