"""Trains a network on tensors, as `bnnaudit train` trains one on a recipe's data."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bnnaudit.zoo.train.arithmetic import Arithmetic
from bnnaudit.zoo.train.descent import Course, descend, starting_state
from bnnaudit.zoo.train.images import Images, Split, as_inputs
from bnnaudit.zoo.train.state import State
from bnnaudit.zoo.train.tables import Recipe

Progress = Callable[[int, int, float], None]
"""Told the number of epochs done, of epochs in all, and the mean loss of the last one."""


class _Told:
    """Passes an epoch's figures on."""

    def __init__(self, epochs: int, progress: Progress | None) -> None:
        self.epochs, self.progress = epochs, progress

    def planned(self, steps: int) -> None:
        """Of no interest."""

    def stepped(self, state: State) -> None:
        """Of no interest."""

    def judged(self, state: State) -> None:
        """After each epoch."""
        if self.progress:
            self.progress(state.epoch, self.epochs, state.figures[-1].loss)


def fit(network: nn.Module, images: Tensor, labels: Tensor, recipe: Recipe, progress: Progress | None = None) -> None:
    """Trains the network in place, in its own precision, on images (N, C, H, W), float32 in [0, 1], and labels (N,)."""
    held = Images(images.permute(0, 2, 3, 1).float().numpy(), labels.numpy())
    split = Split(held, Images(held.x[:1], held.y[:1]), int(labels.max()) + 1, False, "")
    arithmetic = Arithmetic(next(network.parameters()).dtype, False, torch.device("cpu"), False)
    course = Course(recipe, split, arithmetic)
    descend(starting_state(network, course), course, _Told(recipe.training.epochs, progress))


def as_tensors(images: Images) -> tuple[Tensor, Tensor]:
    """Images (N, C, H, W), float32 in [0, 1], and labels (N,), as an audit reads them from the file."""
    return as_inputs(torch.from_numpy(images.x).view(len(images), *images.x.shape[1:3], -1)), torch.from_numpy(images.y)
