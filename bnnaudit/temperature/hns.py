"""Hessian norm scaling ([Gupta & Ajanthan 2022], section 4.2): per image, the b at which the loss's input Hessian is largest.

Chosen once, at the random start. Four rules share the norm: `hns` finds the maximum itself, `hns-grid` takes the best of
the 100 evenly spaced values of [Gupta & Ajanthan 2022], `hns-sketch` estimates the norm from a few random products J w, and
`hns-logit` puts the identity in place of G = J J^T, so that it needs no pass through the network. The Hessian is by default
the piecewise-linear one (dJ/dn = 0).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from torch import Tensor

from bnnaudit.core.attack import Beta, Curvature
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost
from bnnaudit.core.target import Target
from bnnaudit.numerics.hessian_scaling import Search, best_betas, centred_norm, search_fine
from bnnaudit.numerics.jacobian import centred_gram_matrix
from bnnaudit.numerics.second_order import full_norm
from bnnaudit.numerics.sketch import DIRECTIONS, jacobian_sketch, random_directions, sketched_norm
from bnnaudit.numerics.softmax_curvature import logit_betas
from bnnaudit.temperature.rule import Temperature

EXACT_CLASSES = 32
"""Classes up to which `hns` takes the whole Jacobian, a backward pass for each; beyond, it uses the sketch. Not
tuned."""


@dataclass(frozen=True, slots=True)
class ExactScaling(Temperature):
    """The b of the largest Hessian norm with the whole Jacobian, by `search`."""

    search: Search
    curvature: Curvature = Curvature.LINEAR

    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """b* (M,); 1 where the image is already misclassified or the maximum is at an end of the range."""
        inputs, classes = target.prepare(points), logits.shape[1]
        match self.curvature:
            case Curvature.LINEAR:
                _, centred = centred_gram_matrix(target.network, inputs)
                norm = centred_norm(logits, centred)
                cost = Cost(len(points), len(points) * (classes - 1))
            case Curvature.FULL:
                norm, backwards = full_norm(target.network, inputs, logits, labels)
                cost = Cost(len(points), len(points) * backwards)
            case _:
                assert_never(self.curvature)
        return best_betas(logits, labels, norm, self.search), cost


@dataclass(frozen=True, slots=True)
class SketchedScaling(Temperature):
    """The b of the largest Hessian norm as estimated from `DIRECTIONS` products J w."""

    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """b* (M,); 1 as in `ExactScaling`. Each product costs about as much as two forward passes, and counts as that."""
        inputs = target.prepare(points)
        directions = random_directions(DIRECTIONS, inputs.shape[1:], inputs)
        norm = sketched_norm(logits, jacobian_sketch(target.network, inputs, directions))
        return best_betas(logits, labels, norm, search_fine), Cost(2 * DIRECTIONS * len(points))


@dataclass(frozen=True, slots=True)
class LogitScaling(Temperature):
    """The b of the largest Hessian norm of a network whose Jacobian is orthogonal."""

    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """b* (M,); 1 as in `ExactScaling`."""
        return logit_betas(logits, labels), Cost()


def fit(beta: Beta, target: Target, calibration: Batch) -> ExactScaling | SketchedScaling:
    """`hns`: exact for few classes and wherever the full curvature is asked for, sketched for many."""
    if beta.curvature is Curvature.LINEAR and target.facts.num_classes > EXACT_CLASSES:
        return SketchedScaling()
    return ExactScaling(search_fine, beta.curvature)
