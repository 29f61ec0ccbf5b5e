"""Network Jacobian scaling ([G22], section 4.1): b1 brings the mean singular value of b J to 1, b2 keeps psi alive."""

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

IMAGES = 100
"""M of [G22]: correctly classified images whose Jacobians are averaged."""
RHO = 0.01
"""The least error signal 1 - p_k that [G22] allows before b2 steps in."""


@dataclass(frozen=True, slots=True)
class JacobianScaling:
    """b = b1 b2: b1 is the network's, b2 the image's own at every step."""

    b1: float

    def at_start(self, target: Target, points: Tensor, logits: Tensor, labels: Tensor) -> tuple[Tensor, Cost]:
        """(M,) filled with b1."""
        return logits.new_full((len(logits),), self.b1), Cost()

    def at_step(self, betas: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """b1 b2, where b2 != 1 only on images with 1 - p_k(b1) <= rho."""
        scaled = logits * betas[:, None]
        others = torch.softmax(scaled, dim=1).scatter(1, labels[:, None], 0.0).sum(dim=1)
        spread = scaled.amax(dim=1) - scaled.amin(dim=1)
        return torch.where(others <= RHO, betas * temperature_bound(math.log(RHO), logits.shape[1], spread), betas)


def fit(beta: Beta, target: Target, calibration: Batch) -> JacobianScaling:
    """b1 = 1 / (mean singular value of J) over the first M calibration images that are classified correctly.

    Without one correctly classified image, or with a Jacobian that vanishes, b1 = 1.
    """
    inputs = correctly_classified(target, calibration)
    if len(inputs) == 0:
        return JacobianScaling(1.0)
    _, gram = gram_matrix(target.network, inputs)
    mean = float(singular_values(gram, inputs[0].numel()).mean())
    return JacobianScaling(1 / mean if mean > 0 and math.isfinite(mean) else 1.0)


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
