"""Random search: points of the ball that owe nothing to one another, the plainest attack without a gradient.

Every other point is drawn uniformly from the ball, the rest from its extremes: corners, every pixel at plus or minus the
radius, for L-inf; the sphere for L2. All are clipped to the box.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bnnaudit.attacks.context import Context
from bnnaudit.attacks.search import image_steps, search
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics.randomness import normal_block, uniform_block

NUMBERS = 2**14
"""Random numbers that are drawn for an image at a time."""


def attack(settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
    """`settings.queries` points for each image in each restart, the first success kept."""
    return search(settings, context, batch, RandomMoves(context.threat))


@dataclass(frozen=True, slots=True)
class RandomMoves:
    """Draws that depend on no earlier one."""

    threat: Threat

    def draw(self, context: Context, ids: list[int], restart: int, block: int, like: Tensor) -> Tensor:
        """(M, Q, features) perturbations of the unit ball, interior and extreme ones by turns; Q is even."""
        features = int(np.prod(like.shape[1:]))
        pairs = max(1, NUMBERS // features // 2)
        seed, count = context.seed, (len(ids), 2 * pairs, features)
        if self.threat.norm is Norm.LINF:
            cube = uniform_block(seed, ids, restart, block + 1, count[1:]) * 2 - 1
            cube[:, 1::2] = torch.where(cube[:, 1::2] < 0, -1.0, 1.0)
            return cube
        directions = normal_block(seed, ids, restart, block + 1, count[1:])
        lengths = uniform_block(seed, ids, restart, block + 1, (2 * pairs, 1)) ** (1 / features)
        lengths[:, 1::2] = 1
        norms: Tensor = torch.linalg.vector_norm(directions, dim=2, keepdim=True)
        return directions * (lengths / norms)

    def start(self, context: Context, ids: list[int], restart: int, origins: Tensor) -> Tensor:
        """The first draw of the block before all others."""
        draws = self.draw(context, ids, restart, -1, origins)[:, 0].to(origins.device)
        return self.propose(origins, origins, draws, 0.0)

    def propose(self, points: Tensor, origins: Tensor, draws: Tensor, progress: float) -> Tensor:
        """The draw around the original, whatever the best point so far."""
        box = self.threat.box
        return (origins + draws.view_as(origins) * self.threat.radius).clamp(box.low, box.high)


__all__ = ["attack", "image_steps"]
