"""The temperature of `hns-logit`: b* = argmax ||b^2 (diag p - p p^T)||_F, p = softmax(b a), from the logits alone.

With e_i = exp(b (a_i - a_top)) for the classes i but the top one, and E_n = sum e_i^n, the squared norm is, exactly,

    b^4 (E_1^2 + E_2 Z^2 - 2 E_3 Z + 2 E_2 + E_2^2) / Z^4,    Z = 1 + E_1,

in which nothing large cancels: single precision will do. In units of the gap between the two largest logits, s = b gap,
the maximum lies at the root of s tanh(s/2) = 2, s = 2.4, for two classes, and at most a few units beyond log d for d.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

LEAST = 1.0
"""The least s searched."""
POINTS = 8
"""Points of the logarithmic grid on which the search starts."""
SECANT_STEPS = 3
"""Each multiplies the digits by 1.6: from a tenth on the grid to below 1e-4."""
NEGLIGIBLE = -28.0
"""log e_i below which a class adds nothing in single precision; its cube is still no denormal number, which would be slow."""


def logit_betas(logits: Tensor, labels: Tensor) -> Tensor:
    """b* (M,) for logits (M, d), to 1e-3 relative; 1 where the image is misclassified or its two top logits tie."""
    top = logits.topk(2, dim=1)
    gap = top.values[:, 0] - top.values[:, 1]
    below = ((logits - top.values[:, :1]) / gap[:, None]).scatter(1, top.indices[:, :1], -math.inf)
    betas = _peak(below) / gap
    usable = (top.indices[:, 0] == labels) & (gap > 0) & betas.isfinite()
    return torch.where(usable, betas, 1.0)


def _peak(below: Tensor) -> Tensor:
    """s* (M,): the best of a grid, then the secant method for d log(norm) / d log(s) = 0.

    below (M, d): logits minus the top one, over the gap; minus infinity in the top one's own place.
    """
    most = 2 * math.log(below.shape[1]) + 6
    reach = math.log(most / LEAST) / (POINTS - 1)
    grid = torch.arange(POINTS, dtype=below.dtype, device=below.device) * reach + math.log(LEAST)
    scales = grid.exp()
    norms = torch.stack([_Sums.at(below, scale).norm_squared * scale**4 for scale in scales], dim=1)
    here = grid[norms.argmax(dim=1)]
    lower, upper = here - reach, here + reach
    slope = log_slope(below, here)
    there = here + slope.sign() * (reach / 3)
    for _ in range(SECANT_STEPS):
        ahead = log_slope(below, there)
        change = ahead * (there - here) / (ahead - slope)
        here, slope = there, ahead
        there = torch.where(change.isfinite(), there - change, there).clamp(lower, upper)
    return there.exp()


def log_slope(below: Tensor, log_scale: Tensor) -> Tensor:
    """d log(s^4 norm) / d log(s) at s = exp(log_scale) (M,); `below` (M, d) as in the search."""
    scale = log_scale.exp()[:, None]
    sums = _Sums.at(below, scale)
    reached = (scale * below).clamp_min(NEGLIGIBLE)
    powers = reached.exp()
    weighted = reached * powers
    d_first = weighted.sum(dim=1)
    d_second = 2 * (weighted * powers).sum(dim=1)
    d_third = 3 * (weighted * powers * powers).sum(dim=1)
    whole = 1 + sums.first
    change = (
        2 * sums.first * d_first
        + d_second * (whole**2 + 2 + 2 * sums.second)
        + 2 * sums.second * whole * d_first
        - 2 * (d_third * whole + sums.third * d_first)
    )
    return 4 + change / (sums.norm_squared * whole**4) - 4 * d_first / whole


@dataclass(frozen=True, slots=True)
class _Sums:
    """E_1, E_2 and E_3 (M,)."""

    first: Tensor
    second: Tensor
    third: Tensor

    @classmethod
    def at(cls, below: Tensor, scale: Tensor) -> _Sums:
        """At s, one for all or (M, 1)."""
        powers = (scale * below).clamp_min(NEGLIGIBLE).exp()
        squares = powers * powers
        return cls(powers.sum(dim=1), squares.sum(dim=1), (squares * powers).sum(dim=1))

    @property
    def norm_squared(self) -> Tensor:
        """||diag p - p p^T||_F^2 (M,)."""
        first, second, third = self.first, self.second, self.third
        whole = 1 + first
        return (first**2 + second * whole**2 - 2 * third * whole + 2 * second + second**2) / whole**4
