"""Randomness that belongs to the image: it depends on (seed, image, restart) and on nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import torch
from numpy.typing import NDArray
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
    return _uniform(streams, images, shape).mul_(2).sub_(1)


def ball_noise(seed: int, images: Sequence[int], restart: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, uniform in the Euclidean unit ball: one independent draw for each image id."""
    size = int(np.prod(shape))
    draws = []
    streams = _Streams(seed, restart, _Purpose.BALL)
    for image in images:
        generator = streams.of(image)
        direction = generator.standard_normal(size)
        length = generator.random() ** (1 / size)
        draws.append((direction * (length / np.linalg.norm(direction))).astype(np.float32).reshape(tuple(shape)))
    return _stacked(draws, shape)


def uniform_block(seed: int, images: Sequence[int], restart: int, block: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, uniform in [0, 1): one block of the stream that a long search draws for each image id.

    Blocks are independent of one another and can be had in any order, so that an image's stream goes on the same whoever
    else is still in the batch. A few thousand numbers at a time cost little more than one.
    """
    return _uniform(_Streams(seed, restart, _Purpose.UNIFORM_BLOCK, block), images, shape)


def normal_block(seed: int, images: Sequence[int], restart: int, block: int, shape: Sequence[int]) -> Tensor:
    """(N, *shape) float32 on the CPU, standard normal; otherwise like `uniform_block`."""
    streams = _Streams(seed, restart, _Purpose.NORMAL_BLOCK, block)
    drawn = np.empty((len(images), *shape), dtype=np.float32)
    for row, image in zip(drawn, images, strict=True):
        streams.of(image).standard_normal(dtype=np.float32, out=row)
    return torch.from_numpy(drawn)


def _uniform(streams: _Streams, images: Sequence[int], shape: Sequence[int]) -> Tensor:
    """(N, *shape) in [0, 1)."""
    drawn = np.empty((len(images), *shape), dtype=np.float32)
    for row, image in zip(drawn, images, strict=True):
        streams.of(image).random(dtype=np.float32, out=row)
    return torch.from_numpy(drawn)


def _stacked(draws: Sequence[NDArray[np.float32]], shape: Sequence[int]) -> Tensor:
    return torch.from_numpy(np.stack(draws) if draws else np.empty((0, *shape), dtype=np.float32))
