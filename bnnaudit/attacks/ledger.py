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

    def judge(
        self, rows: Tensor, points: Tensor, logits: Tensor, labels: Tensor, step: int, onward: bool = True
    ) -> Tensor:
        """Enters points (M, ...) of ball and box, made in `step` steps of the images `rows` (M,); which still stand (M,) bool.

        Kept is the first success, then, where `onward`, what has a smaller margin; points whose margins differ by rounding
        are equally good. Nothing here waits for the device.
        """
        standing = logits.argmax(dim=1) == labels
        margins = losses.margin(logits, labels).float()
        fooled, best = self.fooled[rows], self.margins[rows]
        first = ~(standing | fooled)
        better = margins < _clearly_below(best)
        better = first | (better if onward else better & ~fooled)
        _put(self.images, rows, better, points)
        self.margins[rows] = torch.where(better, margins, best)
        self.fooled_at[rows] = torch.where(first, step, self.fooled_at[rows])
        self.fooled[rows] = fooled | first
        return standing

    def enter(self, rows: Tensor, outcome: Outcome, steps_before: int) -> None:
        """Enters what another attack found on the images `rows` (M,) after so many steps, where it is better."""
        first = outcome.fooled & ~self.fooled[rows]
        best = self.margins[rows]
        lower = outcome.margins < _clearly_below(best)
        better = first | (lower & ~self.fooled[rows])
        self.images[rows[better]] = outcome.images[better]
        self.margins[rows[better]] = outcome.margins[better]
        self.betas[rows[better]] = outcome.betas[better]
        self.fooled_at[rows[first]] = outcome.fooled_at[first] + steps_before
        self.fooled[rows[first]] = True

    def outcome(self, cost: Cost) -> Outcome:
        """What the attack gives back."""
        return Outcome(self.images, self.fooled, self.fooled_at, self.margins, self.betas, cost)


def runs_ahead(device: torch.device) -> bool:
    """Whether Python goes on while the device computes, and would have to wait for it to learn a value."""
    return device.type != "cpu"


def _clearly_below(values: Tensor) -> Tensor:
    """The values less `PLATEAU` of their size (M,); infinity stays."""
    return torch.minimum(values * (1 - PLATEAU), values * (1 + PLATEAU))


def _put(entries: Tensor, rows: Tensor, chosen: Tensor, values: Tensor) -> None:
    """entries[rows] = values (M, ...) where `chosen` (M,); the processor copies those only, other devices never wait."""
    if runs_ahead(entries.device):
        mask = chosen.view(-1, *(1,) * (values.dim() - 1))
        entries[rows] = torch.where(mask, values, entries[rows])
    else:
        entries[rows[chosen]] = values[chosen]
