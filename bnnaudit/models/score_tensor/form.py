"""What the numbers of a model's output mean: one score for each class, or a single score that decides between two."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn


class SingleScore(StrEnum):
    """How the one number of an image is read: as the second class's probability, or as its logit."""

    PROBABILITY = "probability"
    LOGIT = "logit"


@dataclass(frozen=True, slots=True)
class ScoreForm:
    """From a model's raw output to a row of scores for each image; the deployed model and the copy share it.

    single: None where there is a score for each class. scale, zero_point: what the whole numbers of a single score stand
    for, (q - zero_point) scale; floats stand for themselves.
    """

    single: SingleScore | None = None
    scale: float = 1.0
    zero_point: float = 0.0

    def rows(self, raw: Tensor, count: int) -> Tensor:
        """(N, d) of an output of `count` = N images, in any shape: (1 - p, p) or (0, z) where the score is a single one.

        So argmax says class 1 exactly where p > 0.5, or z > 0.
        """
        flat = as_rows(raw, count)
        return flat if self.single is None else two_classes((flat - self.zero_point) * self.scale, self.single)


class LogProbabilities(nn.Module):
    """The logarithm of a network's probabilities, which are logits up to a constant for each image.

    Where a probability has underflowed, nothing is left to recover: the smallest float stands for it, without a gradient.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, *input_shape) -> log probabilities (N, d) in the precision of the input."""
        probabilities: Tensor = self.module(inputs)
        return log_of(probabilities).to(inputs.dtype)


def log_of(probabilities: Tensor) -> Tensor:
    """Logarithms (...) of probabilities, those below the smallest normal float taken for it."""
    return probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()


EVERY_CLASS = ScoreForm()


def two_classes(score: Tensor, kind: SingleScore) -> Tensor:
    """The two scores (N, 2) that a single one (N, 1) stands for."""
    other = 1 - score if kind is SingleScore.PROBABILITY else torch.zeros_like(score)
    return torch.cat([other, score], dim=1)


def as_rows(tensor: Tensor, count: int) -> Tensor:
    """A tensor that holds `count` = N images as (N, numbers of one), whatever its shape; (0, 1) where nothing tells them."""
    if count == 0 and tensor.dim() < 2:
        return tensor.reshape(0, 1)
    return tensor.flatten(start_dim=1) if tensor.dim() > 1 and len(tensor) == count else tensor.reshape(count, -1)
