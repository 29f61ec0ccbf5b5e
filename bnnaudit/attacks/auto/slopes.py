"""How the true margin falls around a point, by the gradient that a target passes."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.core.target import Target
from bnnaudit.numerics import losses


def margin_slopes(target: Target, points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The margins (N,) at points (N, ...), as the target computes them with gradients on, and their derivative (N, ...)."""
    leaf = points.detach().requires_grad_()
    with torch.enable_grad():
        margins = losses.margin(target.logits(leaf), labels)
        (slopes,) = torch.autograd.grad(margins.sum(), leaf)
    return margins.detach(), slopes
