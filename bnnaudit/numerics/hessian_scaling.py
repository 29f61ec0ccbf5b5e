"""The temperature at which the loss curves most: b* = argmax ||b^2 J^T (diag p - p p^T) J||_F, p = softmax(b a).

A search is given the squared norm as a function of b; where that comes from (G = J J^T, a sketch of it, the full Hessian)
makes no difference to it. Logits are (M, d) float64. With the identity for G there is a faster way: `softmax_curvature`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from bnnaudit.numerics.jacobian import centred_gram, hessian_norm_squared

GRID = 100
"""Points of [Gupta & Ajanthan 2022]'s grid."""
LEAST_LOG_RHO = -72 * math.log(10)
"""log of the smallest rho on [Gupta & Ajanthan 2022]'s grid, 1e-72, which single precision cannot hold."""
FINE_RANGE = (1e-2, 1e2)
"""b times (top minus second logit) between which the maximum is looked for; for two classes it is at 2.4."""
FINE_POINTS = (48, 16)
"""Points of each round of the fine search; a round spans the two intervals beside the last round's best point. Not tuned."""

NormSquared = Callable[[Tensor], Tensor]
"""b (M, B) -> the squared norm of the Hessian at each of them (M, B)."""
Search = Callable[[Tensor, NormSquared], tuple[Tensor, Tensor]]
"""(logits, norm) -> b (M,), and whether it is a maximum inside the range searched (M,) bool."""


def temperature_bound(log_rho: float, classes: int, spread: Tensor) -> Tensor:
    """Proposition 1 of [Gupta & Ajanthan 2022]: -log(rho / ((d-1)(1-rho))) / spread, in closed form so that rho may be 1e-72.

    `spread` is the top logit minus the second: then the error signal 1 - p_k is at most rho for every larger b where all
    other logits are equal; or minus the smallest: then 1 - p_k is at least rho for every smaller b. Infinite at spread 0.
    """
    return (math.log(classes - 1) + math.log1p(-math.exp(log_rho)) - log_rho) / spread


def top_gap(logits: Tensor) -> Tensor:
    """Top logit minus second (M,)."""
    top = logits.topk(2, dim=1).values
    return top[:, 0] - top[:, 1]


def search_grid(logits: Tensor, norm: NormSquared) -> tuple[Tensor, Tensor]:
    """Grid of [Gupta & Ajanthan 2022]: 100 evenly spaced b between Proposition 1's bounds for rho = 1 - 1/d - 0.01 and 1e-72."""
    classes, gap = logits.shape[1], top_gap(logits)[:, None]
    first = temperature_bound(math.log(1 - 1 / classes - 0.01), classes, gap)
    last = temperature_bound(LEAST_LOG_RHO, classes, gap)
    fractions = torch.linspace(0, 1, GRID, dtype=logits.dtype, device=logits.device)
    grid = first + (last - first) * fractions
    best = norm(grid).argmax(dim=1)
    betas = grid.gather(1, best[:, None]).squeeze(1)
    return betas, (best > 0) & (best < GRID - 1)


def search_fine(logits: Tensor, norm: NormSquared) -> tuple[Tensor, Tensor]:
    """The maximum itself, to about 1e-3 relative: a logarithmic grid, refined around its best point, and a parabola."""
    low, high = (math.log(end) for end in FINE_RANGE)
    count, gap = len(logits), top_gap(logits)[:, None]
    centre = logits.new_full((count, 1), (low + high) / 2)
    half, inner = (high - low) / 2, torch.ones(count, dtype=torch.bool, device=logits.device)
    for index, points in enumerate(FINE_POINTS):
        grid = centre + half * torch.linspace(-1, 1, points, dtype=logits.dtype, device=logits.device)
        values = norm(grid.exp() / gap)
        best = values.argmax(dim=1, keepdim=True)
        if index == 0:
            inner = ((best > 0) & (best < points - 1)).squeeze(1)
        centre = grid.gather(1, best)
        half *= 2 / (points - 1)
    peak = centre + half * vertex(values, best)
    return (peak.exp() / gap).squeeze(1), inner


def vertex(values: Tensor, best: Tensor) -> Tensor:
    """Where the parabola through three neighbours has its top, in grid steps from the middle one, at most half a step.

    values (M, B), positive, on an even grid; best (M, 1) the place of the largest. The parabola is laid through the
    logarithms. (M, 1); 0 where there are no two neighbours or no curvature.
    """
    last = values.shape[1] - 1
    around = torch.cat([(best - 1).clamp_min(0), best, (best + 1).clamp_max(last)], dim=1)
    logarithms = values.gather(1, around).clamp_min(torch.finfo(values.dtype).tiny).log()
    left, middle, right = torch.split(logarithms, 1, dim=1)
    bend = left - 2 * middle + right
    offset = (0.5 * (left - right) / bend).clamp(-0.5, 0.5)
    usable = (best > 0) & (best < last) & (bend < 0)
    return torch.where(usable, offset, 0.0)


def best_betas(logits: Tensor, labels: Tensor, norm: NormSquared, search: Search) -> Tensor:
    """b* (M,) in the type of the logits (M, d); `norm` is the squared norm at these images.

    1 where the image is already misclassified, its logits tie, or the maximum is at an end of the range searched.
    """
    exact = logits.double()
    betas, inner = search(exact, norm)
    usable = inner & (exact.argmax(dim=1) == labels) & betas.isfinite()
    return torch.where(usable, betas, 1.0).to(logits.dtype)


def gram_norm(logits: Tensor, gram: Tensor) -> NormSquared:
    """The piecewise-linear Hessian's squared norm from logits (M, d) and G = J J^T (M, d, d) float64."""
    return centred_norm(logits, centred_gram(gram, logits.argmax(dim=1)))


def centred_norm(logits: Tensor, centred: Tensor) -> NormSquared:
    """The same from G of the rows J_i - J_top (M, d, d) float64."""
    exact = logits.double()
    return lambda betas: hessian_norm_squared(exact, centred, betas)
