"""Points drawn uniformly from the unit balls of L1, L2 and L-inf, each image from its own stream."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.numerics.randomness import normal_block, uniform_block


def cube_draws(seed: int, image: int, block: int, count: int, features: int) -> Tensor:
    """(count, features) uniform in [-1, 1)."""
    return uniform_block(seed, [image], 0, block, (count, features))[0] * 2 - 1


def sphere_draws(seed: int, image: int, block: int, count: int, features: int) -> Tensor:
    """(count, features) uniform in the Euclidean unit ball."""
    directions = normal_block(seed, [image], 1, block, (count, features))[0]
    lengths = uniform_block(seed, [image], 1, block, (count, 1))[0] ** (1 / features)
    norms: Tensor = torch.linalg.vector_norm(directions, dim=1, keepdim=True)
    return directions * (lengths / norms)


def diamond_draws(seed: int, image: int, block: int, count: int, features: int) -> Tensor:
    """(count, features) uniform in the unit ball of L1: Laplacian numbers over the sum of their sizes and one more."""
    numbers = uniform_block(seed, [image], 2, block, (count, features + 1))[0] * 2 - 1
    sizes = -torch.log1p(-numbers.abs().clamp(max=1 - 2**-24))
    return numbers[:, 1:].sign() * sizes[:, 1:] / sizes.sum(dim=1, keepdim=True)
