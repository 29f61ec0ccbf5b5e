"""The true margin around a point: how it falls by the gradient of a target, and which of several points has the least."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import PLATEAU
from bnnaudit.core.target import Target
from bnnaudit.numerics import losses


def margin_slopes(target: Target, points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The margins (N,) at points (N, ...), as the target computes them with gradients on, and their derivative (N, ...)."""
    leaf = points.detach().requires_grad_()
    with torch.enable_grad():
        margins = losses.margin(target.logits(leaf), labels)
        (slopes,) = torch.autograd.grad(margins.sum(), leaf)
    return margins.detach(), slopes


def best_candidate(margins: Tensor, wrong: Tensor) -> Tensor:
    """Which of W candidates of M images to take (M,), by their margins and whether they fool the network (M, W).

    One that fools, else that of the least margin; of margins that rounding alone tells apart the first, whatever batch they
    came from.
    """
    ranked = torch.where(wrong, -torch.inf, margins)
    least = ranked.amin(dim=1, keepdim=True)
    return (ranked <= least + PLATEAU * least.abs().nan_to_num(posinf=0.0)).int().argmax(dim=1)
