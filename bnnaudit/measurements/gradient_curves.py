"""The input gradient and its signs against the temperature ([Gupta & Ajanthan 2022], Figure 5), in plain arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.measurements.backward_pass import gradients_at
from bnnaudit.numerics.losses import cross_entropy_signal
from bnnaudit.numerics.norms import flat_norm

CHUNK = 64
"""Images whose graph is held at a time. Not tuned; it changes no result."""


def gradient_curves(
    target: Target, batch: Batch, betas: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Means of ||dl/dx|| and of ||sign(dl/dx)|| over N images, at least one, for each b.

    In plain arithmetic, where a large b makes zeros of the gradient, as an ordinary attack finds it.
    """
    sums = torch.zeros(2, len(betas), dtype=torch.float64)
    for start in range(0, len(batch), CHUNK):
        sums += _sums(target, batch.select(slice(start, start + CHUNK)), betas)
    norms, signs = (sums / len(batch)).tolist()
    return tuple(norms), tuple(signs)


def _sums(target: Target, part: Batch, betas: Sequence[float]) -> Tensor:
    """Sums over the images of a part (2, betas)."""
    leaf = target.prepare(part.images).detach().requires_grad_()
    with torch.enable_grad():
        logits = target.network(leaf)
    found = []
    for beta in betas:
        scale = logits.new_full((len(part),), beta)
        (gradient,) = gradients_at(logits, [leaf], cross_entropy_signal(logits.detach(), part.labels, scale))
        flat = gradient.flatten(1)
        found.append(torch.stack([flat_norm(flat), flat_norm(flat.sign())]).double().sum(dim=1).cpu())
    return torch.stack(found, dim=1)
