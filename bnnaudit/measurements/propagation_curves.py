"""The curves of [Gupta & Ajanthan 2022]'s Figures 4 and 5: error signal, softmax Jacobian, Hessian and gradient against b."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bnnaudit.core.report import SignalCurves
from bnnaudit.numerics.hessian_scaling import NormSquared
from bnnaudit.numerics.losses import split_true_and_rest

POINTS = 81
"""Temperatures on the curves, evenly spaced in their logarithm."""
MARGIN = 30.0
"""The factor by which the range goes beyond the temperatures that the rules choose."""


def measure_curves(
    logits: Tensor,
    labels: Tensor,
    hessian: NormSquared,
    gradient_norm: Callable[[Tensor], Tensor],
    chosen: Sequence[Tensor],
) -> SignalCurves:
    """Means over M images with logits (M, d), in double precision, so that nothing underflows before it is drawn.

    `gradient_norm`: ||J^T v|| (M,) of v (M, d). chosen: the temperatures (M,) of some rules, which the range shows, and b = 1.
    """
    low, high = beta_range([float(betas.median()) for betas in chosen])
    betas = torch.logspace(low, high, POINTS, dtype=torch.float64, device=logits.device)
    exact = logits.double()
    signals = [error_signal(exact * beta, labels) for beta in betas]
    softmax = [(beta * softmax_jacobian_norm(exact * beta)).mean() for beta in betas]
    gradients = [(beta * gradient_norm(signal)).mean() for beta, signal in zip(betas, signals, strict=True)]
    return SignalCurves(
        betas=tuple(betas.tolist()),
        psi_norm=tuple(float(signal.norm(dim=1).mean()) for signal in signals),
        softmax_jacobian_norm=tuple(map(float, softmax)),
        hessian_norm=tuple(hessian(betas.expand(len(logits), -1)).sqrt().mean(dim=0).tolist()),
        gradient_norm=tuple(map(float, gradients)),
    )


def beta_range(medians: Sequence[float]) -> tuple[float, float]:
    """log10 of the first and last b: whole decades around 1 and the temperatures given."""
    usable = [1.0, *(b for b in medians if b > 0 and math.isfinite(b))]
    return math.floor(math.log10(min(usable) / MARGIN)), math.ceil(math.log10(max(usable) * MARGIN / 10))


def error_signal(scaled: Tensor, labels: Tensor) -> Tensor:
    """psi = p - y (M, d) of scaled logits; the true class's entry is minus the sum of the others, which keeps its digits."""
    others = torch.softmax(scaled, dim=1).scatter(1, labels[:, None], 0.0)
    return others.scatter(1, labels[:, None], -others.sum(dim=1, keepdim=True))


def softmax_jacobian_norm(scaled: Tensor) -> Tensor:
    """||diag p - p p^T||_F (M,) of scaled logits, without taking a small difference of large numbers."""
    top = scaled.argmax(dim=1)
    p = torch.softmax(scaled, dim=1)
    _, rest = split_true_and_rest(p, top)
    others = rest.clamp_min(0)
    total = others.sum(dim=1)
    squares = others.square().sum(dim=1)
    first = 1 - total
    inner = (others - others.square()).square().sum(dim=1) + (squares.square() - others.pow(4).sum(dim=1)).clamp_min(0)
    return ((first * total).square() + 2 * first.square() * squares + inner).sqrt()
