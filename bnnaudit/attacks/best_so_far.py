"""What an attack knows of each image so far: the iterate that it would give back, and whether that one fools the network.

A search that knows more of the images that still take part, and lets images leave, keeps it in an `ImageState`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.numerics import losses
from bnnaudit.numerics.norms import per_image

PLATEAU = 1e-5
"""Relative difference of two margins or losses that rounding explains: quantized networks are flat over whole regions, and the
last bits of a value may depend on which other images are in the batch. Not tuned."""


@dataclass(slots=True)
class BestSoFar:
    """Entries for N images; written in place by one attack and by nobody else. The fields are those of `Outcome`."""

    images: Tensor
    fooled: Tensor
    fooled_at: Tensor
    margins: Tensor
    betas: Tensor

    @classmethod
    def blank(cls, batch: Batch) -> BestSoFar:
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
        """Enters points (M, ...) by their logits (M, d), as `note` does; which of them are classified correctly (M,) bool."""
        standing = logits.argmax(dim=1) == labels
        self.note(rows, points, losses.margin(logits.detach(), labels).float(), standing, step, onward)
        return standing

    def note(
        self, rows: Tensor, points: Tensor, margins: Tensor, standing: Tensor, step: int | Tensor, onward: bool = True
    ) -> Tensor:
        """Enters points (M, ...) of ball and box for the images `rows` (M,), all different; which are kept (M,) bool.

        margins (M,): infinite where they are not known; standing (M,) bool: classified correctly; step: how many steps led
        there, one number or (M,). Kept is the first success, else the smallest margin, and a smaller one after a success as
        well where `onward`; points whose margins differ by rounding are equally good. Nothing here waits for the device.
        """
        entries = [self.fooled, self.fooled_at, self.margins, rows, standing, margins]
        if runs_ahead(rows.device):
            better: Tensor = _entered(torch, entries, step, onward)
            self.images[rows] = torch.where(per_image(better, points), points, self.images[rows])
            return better
        # So short an operation takes numpy a fifth of torch's time, which the steps of a small network would feel.
        steps = step.numpy() if isinstance(step, Tensor) else step
        kept = _entered(np, [tensor.numpy() for tensor in entries], steps, onward)
        places = torch.from_numpy(kept.nonzero()[0])
        self.images[rows[places]] = points[places]
        return torch.from_numpy(kept)

    def enter(self, rows: Tensor, outcome: Outcome, steps_before: int) -> None:
        """Enters what another attack found on the images `rows` (M,) after so many steps, where it is better."""
        steps = outcome.fooled_at + steps_before
        better = self.note(rows, outcome.images, outcome.margins, ~outcome.fooled, steps, onward=False)
        self.betas[rows[better]] = outcome.betas[better]

    def outcome(self, cost: Cost) -> Outcome:
        """What the attack gives back."""
        return Outcome(self.images, self.fooled, self.fooled_at, self.margins, self.betas, cost)


@dataclass(slots=True)
class ImageState:
    """The base of a dataclass whose fields have an entry for each of M images: tensors (M, ...), tuples of them, or None."""

    def kept(self, chosen: Tensor) -> Self:
        """The state of the chosen images alone; chosen (M,) bool, or their places (K,)."""
        return replace(self, **{field.name: _chosen(getattr(self, field.name), chosen) for field in fields(self)})


def _chosen(entries: Any, chosen: Tensor) -> Any:
    if isinstance(entries, tuple):
        return tuple(part[chosen] for part in entries)
    return None if entries is None else entries[chosen]


def lower(found: Tensor, known: Tensor) -> Tensor:
    """Whether margins are lower than the known ones by more than rounding (M,) bool; everything is lower than infinity."""
    below: Tensor = found < _clearly_below(torch, known)
    return below


def best_candidate(margins: Tensor, wrong: Tensor) -> Tensor:
    """Which of W candidates of M images to take (M,), by their margins and whether they fool the network (M, W).

    One that fools, else that of the least margin; of margins that rounding alone tells apart the first, whatever batch they
    came from.
    """
    ranked = torch.where(wrong, -torch.inf, margins)
    least = ranked.amin(dim=1, keepdim=True)
    return (ranked <= least + PLATEAU * least.abs().nan_to_num(posinf=0.0)).int().argmax(dim=1)


def runs_ahead(device: torch.device) -> bool:
    """Whether Python goes on while the device computes, and would have to wait for it to learn a value."""
    return device.type != "cpu"


def _entered(arrays: Any, entries: Sequence[Any], step: Any, onward: bool) -> Any:
    """Enters what is known of M points, and tells which are kept (M,) bool.

    entries: the best's own `fooled`, `fooled_at` and `margins` (N,), then the images' rows, verdicts and margins (M,), in the
    arrays of `arrays`, which is torch or numpy: what is used of them goes by the same names.
    """
    fooled, fooled_at, margins, rows, stands, found = entries
    before, best = fooled[rows], margins[rows]
    first = ~(stands | before)
    better = found < _clearly_below(arrays, best)
    better = first | (better if onward else better & ~before)
    margins[rows] = arrays.where(better, found, best)
    fooled_at[rows] = arrays.where(first, step, fooled_at[rows])
    fooled[rows] = before | first
    return better


def _clearly_below(arrays: Any, values: Any) -> Any:
    """The values less `PLATEAU` of their size (M,); infinity stays."""
    return arrays.minimum(values * (1 - PLATEAU), values * (1 + PLATEAU))
