"""What every temperature rule answers."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from bnnaudit.core.outcome import Cost
from bnnaudit.core.target import Target


class Temperature(Protocol):
    """b for each image: chosen where the attack starts, and possibly anew at every step."""

    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """b (M,) at the randomly started points (M, ...) with their logits (M, d), and what choosing it cost."""
        ...

    def at_step(self, betas: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """b (M,) at the current logits (M, d), given the b chosen at the start (M,)."""
        ...
