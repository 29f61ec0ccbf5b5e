"""Hessian norm scaling ([G22], section 4.2): per image, the b at which the loss's Hessian in the input is largest.

Chosen once, at the random start, with the piecewise-linear form of the Hessian (dJ/dn = 0). Three rules share the norm:
`hns` finds the maximum itself, `hns-grid` takes the best of [G22]'s 100 evenly spaced values, and `hns-logit` puts the
identity in place of G = J J^T, so that it needs no backward pass.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bnnaudit.core.attack import Beta
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost
from bnnaudit.core.target import Target
from bnnaudit.numerics.hessian_scaling import Search, best_betas, search_fine, search_grid
from bnnaudit.numerics.jacobian import gram_matrix


@dataclass(frozen=True, slots=True)
class HessianScaling:
    """The b of the largest Hessian norm, by `search`; with `jacobian` False, G is the identity."""

    search: Search
    jacobian: bool = True

    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """b* (M,); 1 where the image is already misclassified or the maximum is at an end of the range."""
        if not self.jacobian:
            return best_betas(logits, labels, None, self.search), Cost()
        _, gram = gram_matrix(target.network, target.prepare(points))
        return best_betas(logits, labels, gram, self.search), Cost(len(points), len(points) * logits.shape[1])

    def at_step(self, betas: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """The b chosen at the start."""
        return betas


def fit_exact(beta: Beta, target: Target, calibration: Batch) -> HessianScaling:
    """`hns`."""
    return HessianScaling(search_fine)


def fit_grid(beta: Beta, target: Target, calibration: Batch) -> HessianScaling:
    """`hns-grid`."""
    return HessianScaling(search_grid)


def fit_logit(beta: Beta, target: Target, calibration: Batch) -> HessianScaling:
    """`hns-logit`."""
    return HessianScaling(search_fine, jacobian=False)
