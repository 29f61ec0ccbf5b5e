"""A network of steps on six pixels, and what all 64 corners of a ball do to it."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.quantization.quantizers import BinarySign
from tests.toy import batch_of, target_of


def step_network() -> tuple[Target, Batch]:
    """Sixteen binary units on 1 x 2 x 3 images, and forty of these."""
    generator = torch.Generator().manual_seed(2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(6, 16), BinarySign(), nn.Linear(16, 3))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    target = target_of(network, (1, 2, 3), 3)
    return target, batch_of(target, 0.3 + 0.4 * torch.rand(40, 1, 2, 3, generator=generator))


def breakable(target: Target, batch: Batch, eps: float) -> Tensor:
    """Whether some corner of the ball fools the network (N,) bool."""
    corners = torch.tensor(list(itertools.product((-eps, eps), repeat=6))).view(64, 1, 1, 2, 3)
    with torch.no_grad():
        classes = target.logits((batch.images + corners).flatten(0, 1)).argmax(dim=1).view(64, len(batch))
    return (classes != batch.labels).any(dim=0)
