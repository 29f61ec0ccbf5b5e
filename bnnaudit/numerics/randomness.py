"""Randomness that belongs to the image: it depends on (seed, image, restart) and on nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def _generator(seed: int, image: int, restart: int, purpose: int) -> np.random.Generator:
    """A counter-based generator (Philox) keyed by who asks, the same on every machine and device."""
    mask = (1 << 64) - 1
    return np.random.Generator(np.random.Philox(key=[seed & mask, image & mask], counter=[0, 0, restart, purpose]))


def uniform_noise(seed: int, images: Sequence[int], restart: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, uniform in [-1, 1): one independent draw for each of the N image ids."""
    draws = [_generator(seed, image, restart, 0).random(tuple(shape), dtype=np.float32) for image in images]
    stacked = np.stack(draws) if draws else np.empty((0, *shape), dtype=np.float32)
    return torch.from_numpy(stacked * 2 - 1)


def ball_noise(seed: int, images: Sequence[int], restart: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, uniform in the Euclidean unit ball: one independent draw for each image id."""
    size = int(np.prod(shape))
    draws = []
    for image in images:
        generator = _generator(seed, image, restart, 1)
        direction = generator.standard_normal(size)
        length = generator.random() ** (1 / size)
        draws.append((direction * (length / np.linalg.norm(direction))).astype(np.float32).reshape(tuple(shape)))
    return torch.from_numpy(np.stack(draws) if draws else np.empty((0, *shape), dtype=np.float32))
