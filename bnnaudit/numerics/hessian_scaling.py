"""The temperature at which the loss curves most: b* = argmax ||b^2 J^T (diag p - p p^T) J||_F, p = softmax(b a).

The norm comes from G = J J^T, or from the softmax alone with the identity for G. Logits are (M, d) float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from bnnaudit.numerics.jacobian import centred_gram, hessian_norm_squared

GRID = 100
"""Points of [G22]'s grid."""
LEAST_LOG_RHO = -72 * math.log(10)
"""log of the smallest rho on [G22]'s grid, 1e-72, which single precision cannot hold."""
FINE_RANGE = (1e-2, 1e2)
"""b times (top minus second logit) between which the maximum is looked for; for two classes it is at 2.4."""
FINE_POINTS = (64, 16, 16)
"""Points of each round of the fine search; a round spans the two intervals beside the last round's best point."""

NormSquared = Callable[[Tensor], Tensor]
"""b (M, B) -> the squared norm of the Hessian at each of them (M, B)."""
Search = Callable[[Tensor, NormSquared], tuple[Tensor, Tensor]]
"""(logits, norm) -> b (M,), and whether it is a maximum inside the range searched (M,) bool."""


def temperature_bound(log_rho: float, classes: int, spread: Tensor) -> Tensor:
    """Proposition 1 of [G22]: -log(rho / ((d-1)(1-rho))) / spread, in closed form so that rho may be 1e-72.

    `spread` is the top logit minus the second: then the error signal 1 - p_k is at most rho for every larger b where all
    other logits are equal; or minus the smallest: then 1 - p_k is at least rho for every smaller b. Infinite at spread 0.
    """
    return (math.log(classes - 1) + math.log1p(-math.exp(log_rho)) - log_rho) / spread


def top_gap(logits: Tensor) -> Tensor:
    """Top logit minus second (M,)."""
    top = logits.topk(2, dim=1).values
    return top[:, 0] - top[:, 1]


def search_grid(logits: Tensor, norm: NormSquared) -> tuple[Tensor, Tensor]:
    """[G22]'s grid: 100 evenly spaced b between Proposition 1's bounds for rho = 1 - 1/d - 0.01 and rho = 1e-72."""
    classes, gap = logits.shape[1], top_gap(logits)[:, None]
    first = temperature_bound(math.log(1 - 1 / classes - 0.01), classes, gap)
    last = temperature_bound(LEAST_LOG_RHO, classes, gap)
    fractions = torch.linspace(0, 1, GRID, dtype=logits.dtype, device=logits.device)
    grid = first + (last - first) * fractions
    best = norm(grid).argmax(dim=1)
    betas = grid.gather(1, best[:, None]).squeeze(1)
    return betas, (best > 0) & (best < GRID - 1)


def search_fine(logits: Tensor, norm: NormSquared) -> tuple[Tensor, Tensor]:
    """The maximum itself, to about 1e-3 relative: a logarithmic grid, refined twice around its best point."""
    low, high = (math.log(end) for end in FINE_RANGE)
    count, gap = len(logits), top_gap(logits)[:, None]
    centre = logits.new_full((count, 1), (low + high) / 2)
    half = (high - low) / 2
    inner = torch.ones(count, dtype=torch.bool, device=logits.device)
    for index, points in enumerate(FINE_POINTS):
        grid = centre + half * torch.linspace(-1, 1, points, dtype=logits.dtype, device=logits.device)
        best = norm(grid.exp() / gap).argmax(dim=1, keepdim=True)
        if index == 0:
            inner = ((best > 0) & (best < points - 1)).squeeze(1)
        centre = grid.gather(1, best)
        half *= 2 / (points - 1)
    return (centre.exp() / gap).squeeze(1), inner


def best_betas(logits: Tensor, labels: Tensor, gram: Tensor | None, search: Search) -> Tensor:
    """b* (M,) in the type of the logits, for G (M, d, d) float64, or None for the identity.

    1 where the image is already misclassified, its logits tie, or the maximum is at an end of the range searched.
    """
    exact = logits.double()
    top = exact.argmax(dim=1)
    if gram is None:
        betas, inner = search(exact, lambda b: softmax_jacobian_norm_squared(exact, b))
    else:
        centred = centred_gram(gram, top)
        betas, inner = search(exact, lambda b: hessian_norm_squared(exact, centred, b))
    usable = inner & (top == labels) & betas.isfinite()
    return torch.where(usable, betas, 1.0).to(logits.dtype)


def softmax_jacobian_norm_squared(logits: Tensor, betas: Tensor) -> Tensor:
    """`hessian_norm_squared` with the identity for G: b^4 (sum p^2 - 2 sum p^3 + (sum p^2)^2), (M, B)."""
    p = torch.softmax(betas[:, :, None] * logits[:, None, :], dim=2)
    square = p.square()
    total = square.sum(dim=2)
    return betas**4 * (total - 2 * (square * p).sum(dim=2) + total.square()).clamp_min(0)
