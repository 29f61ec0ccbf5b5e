"""What an attack knows of each image so far: the iterate that it would give back, and whether that one fools the network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.numerics import losses

PLATEAU = 1e-5
"""Relative difference of two margins or losses that rounding explains: quantized networks are flat over whole regions."""


@dataclass(slots=True)
class Ledger:
    """Entries for N images; written in place by one attack and by nobody else. The fields are those of `Outcome`."""

    images: Tensor
    fooled: Tensor
    fooled_at: Tensor
    margins: Tensor
    betas: Tensor

    @classmethod
    def blank(cls, batch: Batch) -> Ledger:
        """Nothing known: each image is its own best, and still stands."""
        count, device = len(batch), batch.images.device
        return cls(
            images=batch.images.clone(),
            fooled=torch.zeros(count, dtype=torch.bool, device=device),
            fooled_at=torch.full((count,), -1, device=device),
            margins=torch.full((count,), float("inf"), device=device),
            betas=torch.ones(count, device=device),
        )

    @property
    def standing(self) -> Tensor:
        """The places of the images that are not fooled yet (M,)."""
        return (~self.fooled).nonzero().squeeze(1)

    def judge(self, rows: Tensor, points: Tensor, logits: Tensor, labels: Tensor, step: int) -> Tensor:
        """Enters points (M, ...) of ball and box, made in `step` steps of the images `rows` (M,); which still stand (M,) bool.

        Kept is the first success, then what has a smaller margin; points whose margins differ by rounding are equally good.
        """
        standing = logits.argmax(dim=1) == labels
        margins = losses.margin(logits, labels).float()
        first = ~standing & ~self.fooled[rows]
        best = self.margins[rows]
        better = first | (margins < best - PLATEAU * best.abs().nan_to_num(posinf=0.0))
        self.images[rows[better]] = points[better]
        self.margins[rows[better]] = margins[better]
        self.fooled_at[rows[first]] = step
        self.fooled[rows[first]] = True
        return standing

    def enter(self, rows: Tensor, outcome: Outcome, steps_before: int) -> None:
        """Enters what another attack found on the images `rows` (M,) after so many steps, where it is better."""
        first = outcome.fooled & ~self.fooled[rows]
        best = self.margins[rows]
        lower = outcome.margins < best - PLATEAU * best.abs().nan_to_num(posinf=0.0)
        better = first | (lower & ~self.fooled[rows])
        self.images[rows[better]] = outcome.images[better]
        self.margins[rows[better]] = outcome.margins[better]
        self.betas[rows[better]] = outcome.betas[better]
        self.fooled_at[rows[first]] = outcome.fooled_at[first] + steps_before
        self.fooled[rows[first]] = True

    def outcome(self, cost: Cost) -> Outcome:
        """What the attack gives back."""
        return Outcome(self.images, self.fooled, self.fooled_at, self.margins, self.betas, cost)
