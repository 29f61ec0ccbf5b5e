"""Randomness that belongs to the image: it depends on (seed, image, restart) and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor

_WORD = (1 << 64) - 1


class _Purpose(IntEnum):
    """What the numbers are for: each purpose has a stream of its own."""

    CUBE = 0
    BALL = 1
    UNIFORM_BLOCK = 2
    NORMAL_BLOCK = 3


class _Streams:
    """Counter-based generators (Philox) keyed by who asks, the same on every machine and device.

    It is one generator whose key and counter are set anew, which takes a quarter of the time of making one.
    """

    def __init__(self, seed: int, restart: int, purpose: _Purpose, block: int = 0) -> None:
        self._bits = np.random.Philox(key=[0, 0])
        self._state = self._bits.state
        self._key = np.array([seed & _WORD, 0], dtype=np.uint64)
        self._state["state"] = {"key": self._key, "counter": np.array([0, block, restart, purpose], dtype=np.uint64)}
        self._generator = np.random.Generator(self._bits)

    def of(self, image: int) -> np.random.Generator:
        """The generator at the start of the image's stream; good until the next image is asked for."""
        self._key[1] = image & _WORD
        self._bits.state = self._state
        return self._generator


def uniform_noise(seed: int, images: Sequence[int], restart: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, uniform in [-1, 1): one independent draw for each of the N image ids."""
    streams = _Streams(seed, restart, _Purpose.CUBE)
    return _drawn(np.random.Generator.random, streams, images, shape).mul_(2).sub_(1)


def ball_noise(seed: int, images: Sequence[int], restart: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, uniform in the Euclidean unit ball: one independent draw for each image id."""
    size = int(np.prod(shape))
    streams = _Streams(seed, restart, _Purpose.BALL)
    drawn = np.empty((len(images), size), dtype=np.float32)
    for row, image in zip(drawn, images, strict=True):
        generator = streams.of(image)
        direction = generator.standard_normal(size)
        length = generator.random() ** (1 / size)
        row[:] = direction * (length / np.linalg.norm(direction))
    return torch.from_numpy(drawn).view(len(images), *shape)


def uniform_block(seed: int, images: Sequence[int], restart: int, block: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, uniform in [0, 1): one block of the stream that a long search draws for each image id.

    Blocks are independent of one another and can be had in any order, so that an image's stream goes on the same whoever
    else is still in the batch. A few thousand numbers at a time cost little more than one.
    """
    streams = _Streams(seed, restart, _Purpose.UNIFORM_BLOCK, block)
    return _drawn(np.random.Generator.random, streams, images, shape)


def normal_block(seed: int, images: Sequence[int], restart: int, block: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, standard normal; otherwise like `uniform_block`."""
    streams = _Streams(seed, restart, _Purpose.NORMAL_BLOCK, block)
    return _drawn(np.random.Generator.standard_normal, streams, images, shape)


def _drawn(draw: Callable[..., object], streams: _Streams, images: Sequence[int], shape: Sequence[int]) -> Tensor:
    """(N, *shape) from a method of numpy's generators."""
    drawn = np.empty((len(images), *shape), dtype=np.float32)
    for row, image in zip(drawn, images, strict=True):
        draw(streams.of(image), dtype=np.float32, out=row)
    return torch.from_numpy(drawn)


def cube_draws(seed: int, image: int, block: int, count: int, features: int) -> Tensor:
    """(count, features) for one image, uniform in [-1, 1)."""
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
