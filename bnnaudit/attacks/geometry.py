"""Where an attack may go: its start, its direction, and the way back into ball and box."""

from __future__ import annotations

from typing import assert_never

from torch import Tensor

from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics import norms
from bnnaudit.numerics.randomness import ball_noise, uniform_noise


def random_start(batch: Batch, threat: Threat, settings: AttackSettings, seed: int, restart: int) -> Tensor:
    """A point drawn uniformly from the ball around each image, clipped to the box (N, ...)."""
    ids, shape = batch.ids.tolist(), batch.images.shape[1:]
    noise = (
        uniform_noise(seed, ids, restart, shape) if threat.norm is Norm.LINF else ball_noise(seed, ids, restart, shape)
    )
    return project(batch.images + noise.to(batch.images.device) * threat.radius, batch.images, threat, settings)


def ascent_direction(gradients: Tensor, threat: Threat, settings: AttackSettings) -> Tensor:
    """The direction of steepest ascent of unit length in the threat's norm (M, ...)."""
    match threat.norm:
        case Norm.LINF:
            return gradients.sign()
        case Norm.L2 if settings.l2_per_channel and gradients.dim() > 2:
            return norms.unit_direction_l2(gradients.flatten(0, 1)).view_as(gradients)
        case Norm.L2:
            return norms.unit_direction_l2(gradients)
        case _:
            assert_never(threat.norm)


def project(points: Tensor, origins: Tensor, threat: Threat, settings: AttackSettings) -> Tensor:
    """Back into the ball around the originals and into the box (M, ...)."""
    low, high = threat.box.low, threat.box.high
    match threat.norm:
        case Norm.LINF:
            return norms.project_linf(points, origins, threat.radius, low, high)
        case Norm.L2 if settings.l2_per_channel:
            return norms.project_l2_per_channel(points, origins, threat.radius, low, high)
        case Norm.L2:
            return norms.project_l2(points, origins, threat.radius, low, high)
        case _:
            assert_never(threat.norm)
