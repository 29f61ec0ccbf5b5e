"""One b for every image and step; b = 1 is the ordinary attack."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bnnaudit.core.outcome import Cost
from bnnaudit.core.target import Target
from bnnaudit.temperature.rule import Temperature


@dataclass(frozen=True, slots=True)
class FixedTemperature(Temperature):
    """The same b everywhere."""

    value: float

    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """(M,) filled with b."""
        return logits.new_full((len(logits),), self.value), Cost()
