"""The signs of the input gradient against the temperature ([Gupta & Ajanthan 2022], Figure 5), in the network's own precision."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.measurements.backward_pass import gradients_at
from bnnaudit.numerics.losses import cross_entropy_signal

CHUNK = 64
"""Images whose graph is held at a time. Not tuned; it changes no result."""


def sign_norms(target: Target, batch: Batch, betas: Sequence[float]) -> tuple[float, ...]:
    """Mean of ||sign(dl/dx)|| over N images for each b: it falls where plain arithmetic makes zeros of the gradient."""
    sums = torch.zeros(len(betas), dtype=torch.float64)
    for start in range(0, len(batch), CHUNK):
        part = batch.select(slice(start, start + CHUNK))
        sums += torch.stack(_sums(target, part, betas))
    return tuple((sums / max(1, len(batch))).tolist())


def _sums(target: Target, part: Batch, betas: Sequence[float]) -> list[Tensor]:
    leaf = target.prepare(part.images).detach().requires_grad_()
    with torch.enable_grad():
        logits = target.network(leaf)
    found = []
    for beta in betas:
        scale = logits.new_full((len(part),), beta)
        (gradient,) = gradients_at(logits, [leaf], cross_entropy_signal(logits.detach(), part.labels, scale))
        found.append(gradient.sign().flatten(1).norm(dim=1).double().sum().cpu())
    return found
