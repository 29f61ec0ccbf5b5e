"""What is left of an attack's images when they are stored: rounded onto the grid of pixels, and judged again."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from bnnaudit.attacks.geometry import as_stored
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.numerics.losses import margin


def rounded(outcome: Outcome, target: Target, batch: Batch, threat: Threat, steps: int, batch_size: int) -> Outcome:
    """The outcome with every image on the grid of `threat`, fooled or not by what the target says of it there.

    Images that rounding does not change keep their entries, and cost nothing. One that only its rounding fools counts as
    fooled after all the attack's `steps`.
    """
    images = as_stored(outcome.images, batch.images, threat)
    rows = (images != outcome.images).flatten(1).any(dim=1).nonzero().squeeze(1)
    if len(rows) == 0:
        return outcome
    logits = _logits(target, images[rows], batch_size)
    wrong = logits.argmax(dim=1) != batch.labels[rows]
    fooled, fooled_at, margins = outcome.fooled.clone(), outcome.fooled_at.clone(), outcome.margins.clone()
    fooled_at[rows] = torch.where(wrong, torch.where(fooled[rows], fooled_at[rows], steps), -1)
    fooled[rows] = wrong
    margins[rows] = margin(logits, batch.labels[rows]).to(margins.dtype)
    cost = outcome.cost + Cost(forwards=len(rows))
    return replace(outcome, images=images, fooled=fooled, fooled_at=fooled_at, margins=margins, cost=cost)


def _logits(target: Target, images: Tensor, batch_size: int) -> Tensor:
    with torch.no_grad():
        return torch.cat([target.logits(part) for part in torch.split(images, batch_size)])
