"""Networks of a user's own code, for the command line to build: cut off from autograd, and out of torch's sight."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tests.networks.spelled import dead


class CutOff(nn.Module):
    """Signs between linear maps, all under no_grad."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 64), nn.Linear(64, 3)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 4, 4) -> (N, 3)."""
        scores: Tensor = self.second(torch.where(self.first(images.flatten(1)) >= 0, 1.0, -1.0)) * 50
        return scores


class Plain(CutOff):
    """The same with gradients, and a sign that is seen."""

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 4, 4) -> (N, 3)."""
        scores: Tensor = self.second(torch.sign(self.first(images.flatten(1)))) * 50
        return scores


class InNumpy(CutOff):
    """The same with its sign by NumPy, which nothing can record."""

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 4, 4) -> (N, 3)."""
        signs = np.where(self.first(images.flatten(1)).numpy() >= 0, 1.0, -1.0).astype(np.float32)
        scores: Tensor = self.second(torch.from_numpy(signs)) * 50
        return scores


class Detached(CutOff):
    """The same with gradients, but for its sign, which is taken of a detached tensor."""

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 4, 4) -> (N, 3)."""
        scores: Tensor = self.second(torch.where(self.first(images.flatten(1)).detach() >= 0, 1.0, -1.0)) * 50
        return scores


class OfData(CutOff):
    """The same with its sign taken of a tensor's data."""

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 4, 4) -> (N, 3)."""
        scores: Tensor = self.second(torch.where(self.first(images.flatten(1)).data >= 0, 1.0, -1.0)) * 50
        return scores


class ZeroBackward(CutOff):
    """The same with its sign by an autograd function of its own, whose backward pass is zero."""

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 4, 4) -> (N, 3)."""
        scores: Tensor = self.second(dead(self.first(images.flatten(1)))) * 50
        return scores
