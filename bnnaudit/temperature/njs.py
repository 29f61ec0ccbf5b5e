"""Network Jacobian scaling ([Gupta & Ajanthan 2022], section 4.1): b1 gives J a mean singular value of 1, b2 psi > 0."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.core.attack import Beta
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost
from bnnaudit.core.target import Target
from bnnaudit.numerics.hessian_scaling import temperature_bound
from bnnaudit.numerics.jacobian import gram_matrix, singular_values
from bnnaudit.numerics.lanczos import mean_singular_value
from bnnaudit.numerics.sketch import jacobian_product, random_directions
from bnnaudit.temperature.rule import Temperature

IMAGES = 100
"""M of [Gupta & Ajanthan 2022]: correctly classified images whose Jacobians are averaged."""
EXACT_CLASSES = 64
"""Classes up to which singular values are exact, a backward pass for each; beyond, their mean is estimated. Not
tuned."""
CHUNK = 32
"""Images whose graph is held at a time. Not tuned; it changes no result."""


@dataclass(frozen=True, slots=True)
class JacobianScaling(Temperature):
    """b = b1 b2: b1 is the network's, b2 the image's own at every step; rho is the least error signal allowed."""

    b1: float
    rho: float

    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """(M,) filled with b1."""
        return logits.new_full((len(logits),), self.b1), Cost()

    def at_step(self, betas: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """b1 b2, where b2 != 1 only on images with 1 - p_k(b1) <= rho."""
        scaled = logits * betas[:, None]
        others = torch.softmax(scaled, dim=1).scatter(1, labels[:, None], 0.0).sum(dim=1)
        spread = scaled.amax(dim=1) - scaled.amin(dim=1)
        bound = temperature_bound(math.log(self.rho), logits.shape[1], spread)
        return torch.where((others <= self.rho) & (bound > 0), betas * bound, betas)


def fit(beta: Beta, target: Target, calibration: Batch) -> JacobianScaling:
    """b1 = 1 / (mean singular value of J) over the first M calibration images that are classified correctly.

    Without one correctly classified image, or with a Jacobian that vanishes, b1 = 1.
    """
    inputs = correctly_classified(target, calibration)
    if len(inputs) == 0:
        return JacobianScaling(1.0, beta.rho)
    mean, _ = singular_value_moments(target, inputs)
    average = float(mean.mean())
    return JacobianScaling(1 / average if average > 0 and math.isfinite(average) else 1.0, beta.rho)


def singular_value_moments(target: Target, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and mean square of J's singular values at network inputs (M, ...): (M,), (M,), float64.

    Exact up to `EXACT_CLASSES` classes, else estimated from products with J and its transpose.
    """
    if target.facts.num_classes <= EXACT_CLASSES:
        _, gram = gram_matrix(target.network, inputs)
        values = singular_values(gram, inputs[0].numel())
        return values.mean(dim=1), values.square().mean(dim=1)
    starts = random_directions(len(inputs), (target.facts.num_classes,), inputs.double())
    chunks = zip(torch.split(inputs, CHUNK), torch.split(starts, CHUNK), strict=True)
    parts = [_estimated(target, part, start) for part, start in chunks]
    return torch.cat([mean for mean, _ in parts]), torch.cat([square for _, square in parts])


def _estimated(target: Target, inputs: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    leaf = inputs.detach().requires_grad_()
    with torch.enable_grad():
        logits = target.network(leaf)

    def multiply(vectors: Tensor) -> Tensor:
        (back,) = torch.autograd.grad(logits, leaf, vectors.to(logits.dtype), retain_graph=True)
        return jacobian_product(target.network, inputs, back)[1].double()

    return mean_singular_value(multiply, starts, inputs[0].numel())


def correctly_classified(target: Target, batch: Batch, limit: int = IMAGES) -> Tensor:
    """Network inputs of the first `limit` images that the differentiable copy classifies correctly (at most 8 x limit tried)."""
    found: list[Tensor] = []
    for start in range(0, min(len(batch), 8 * limit), limit):
        part = batch.select(slice(start, start + limit))
        inputs = target.prepare(part.images)
        with torch.no_grad():
            right = target.network(inputs).argmax(dim=1) == part.labels
        found.append(inputs[right])
        if sum(map(len, found)) >= limit:
            break
    return torch.cat(found)[:limit] if found else target.prepare(batch.images)
