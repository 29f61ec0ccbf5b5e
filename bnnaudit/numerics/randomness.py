"""Randomness that belongs to the image: it depends on (seed, image, restart) and on nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class _Purpose(IntEnum):
    """What the numbers are for: each purpose has a stream of its own."""

    CUBE = 0
    BALL = 1
    UNIFORM_BLOCK = 2
    NORMAL_BLOCK = 3


def _generator(seed: int, image: int, restart: int, purpose: _Purpose, block: int = 0) -> np.random.Generator:
    """A counter-based generator (Philox) keyed by who asks, the same on every machine and device."""
    mask = (1 << 64) - 1
    return np.random.Generator(np.random.Philox(key=[seed & mask, image & mask], counter=[0, block, restart, purpose]))


def uniform_noise(seed: int, images: Sequence[int], restart: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, uniform in [-1, 1): one independent draw for each of the N image ids."""
    draws = [_generator(seed, image, restart, _Purpose.CUBE).random(tuple(shape), dtype=np.float32) for image in images]
    return _stacked(draws, shape) * 2 - 1


def ball_noise(seed: int, images: Sequence[int], restart: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, uniform in the Euclidean unit ball: one independent draw for each image id."""
    size = int(np.prod(shape))
    draws = []
    for image in images:
        generator = _generator(seed, image, restart, _Purpose.BALL)
        direction = generator.standard_normal(size)
        length = generator.random() ** (1 / size)
        draws.append((direction * (length / np.linalg.norm(direction))).astype(np.float32).reshape(tuple(shape)))
    return _stacked(draws, shape)


def uniform_block(seed: int, images: Sequence[int], restart: int, block: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, uniform in [0, 1): one block of the stream that a long search draws for each image id.

    Blocks are independent of one another and can be had in any order, so that an image's stream goes on the same whoever
    else is still in the batch. A few thousand numbers at a time cost little more than one.
    """
    generators = (_generator(seed, image, restart, _Purpose.UNIFORM_BLOCK, block) for image in images)
    return _stacked([generator.random(tuple(shape), dtype=np.float32) for generator in generators], shape)


def normal_block(seed: int, images: Sequence[int], restart: int, block: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, standard normal; otherwise like `uniform_block`."""
    generators = (_generator(seed, image, restart, _Purpose.NORMAL_BLOCK, block) for image in images)
    return _stacked([generator.standard_normal(tuple(shape), dtype=np.float32) for generator in generators], shape)


def _stacked(draws: Sequence[NDArray[np.float32]], shape: Sequence[int]) -> Tensor:
    return torch.from_numpy(np.stack(draws) if draws else np.empty((0, *shape), dtype=np.float32))
