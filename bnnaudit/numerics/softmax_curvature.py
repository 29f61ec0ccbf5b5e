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
"""The least s searched. Not tuned."""
POINTS = 8
"""Points of the logarithmic grid on which the search starts. Not tuned."""
SECANT_STEPS = 2
"""After the grid and its parabola, which are right to a hundredth, two steps bring the error below 1e-4."""
NEGLIGIBLE = -28.0
"""log e_i below which a class adds nothing in single precision; its cube is still no denormal number, which would be slow."""


def logit_betas(logits: Tensor, labels: Tensor, polished: bool = True) -> Tensor:
    """b* (M,) for logits (M, d); 1 where the image is misclassified or its two top logits tie.

    To 1e-3 relative; to 3e-2 where not `polished`, in a fraction of the time, for a rule that asks at every step.
    """
    top = logits.topk(2, dim=1)
    gap = top.values[:, 0] - top.values[:, 1]
    below = ((logits - top.values[:, :1]) / gap[:, None]).scatter(1, top.indices[:, :1], -math.inf)
    log_scale = _rough_peak(below)
    if polished:
        log_scale = _polished_peak(below, log_scale)
    betas = log_scale.exp() / gap
    usable = (top.indices[:, 0] == labels) & (gap > 0) & betas.isfinite()
    return torch.where(usable, betas, 1.0)


def _spacing(classes: int) -> float:
    """Of the grid, in log(s)."""
    return math.log((2 * math.log(classes) + 6) / LEAST) / (POINTS - 1)


def _rough_peak(below: Tensor) -> Tensor:
    """log s* (M,): the best of the grid, and the top of the parabola through it and its neighbours.

    below (M, d): logits minus the top one, over the gap; minus infinity in the top one's own place.
    """
    spacing = _spacing(below.shape[1])
    grid = torch.arange(POINTS, dtype=below.dtype, device=below.device) * spacing + math.log(LEAST)
    sums = _Sums.at(below[:, None, :], grid.exp()[:, None])
    heights = sums.norm_squared.log_().add_(grid, alpha=4)
    best = heights.argmax(dim=1, keepdim=True).clamp(1, POINTS - 2)
    left, middle, right = (heights.gather(1, best + shift).squeeze(1) for shift in (-1, 0, 1))
    offset = (left - right) / (left - 2 * middle + right) / 2
    return (best.squeeze(1) + offset.clamp(-1, 1)) * spacing + math.log(LEAST)


def _polished_peak(below: Tensor, here: Tensor) -> Tensor:
    """log s* (M,) by the secant method for d log(norm) / d log(s) = 0, from where the grid left it."""
    reach = _spacing(below.shape[1])
    lower, upper = here - reach, here + reach
    slope = log_slope(below, here)
    there = here + slope.sign() * (reach / 20)
    for _ in range(SECANT_STEPS):
        ahead = log_slope(below, there)
        change = ahead * (there - here) / (ahead - slope)
        here, slope = there, ahead
        there = torch.where(change.isfinite(), there - change, there).clamp(lower, upper)
    return there


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
    """E_1, E_2 and E_3 (M,), or (M, B) for B scales."""

    first: Tensor
    second: Tensor
    third: Tensor

    @classmethod
    def at(cls, below: Tensor, scale: Tensor) -> _Sums:
        """At s, broadcastable to `below` (..., d)."""
        powers = (scale * below).clamp_min_(NEGLIGIBLE).exp_()
        squares = powers * powers
        return cls(powers.sum(dim=-1), squares.sum(dim=-1), powers.mul_(squares).sum(dim=-1))

    @property
    def norm_squared(self) -> Tensor:
        """||diag p - p p^T||_F^2."""
        first, second, third = self.first, self.second, self.third
        whole = 1 + first
        return (first**2 + second * whole**2 - 2 * third * whole + 2 * second + second**2) / whole**4
