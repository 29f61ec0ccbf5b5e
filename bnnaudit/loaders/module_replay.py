"""A checkpoint as deployed: the module itself, in float32 on the CPU, without surrogates or gradients."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bnnaudit.core.target import Preparation

CHUNK = 256


@dataclass(frozen=True, slots=True, eq=False)
class ModuleModel:
    """Runs the module that was served; what it returns is returned as it is, softmax included."""

    network: nn.Module
    prepare: Preparation

    def __call__(self, images: Tensor) -> Tensor:
        """Scores (N, d) float32 on the CPU of images (N, C, H, W) or (N, features) in the network's range."""
        with torch.no_grad():
            parts = [self.network(self.prepare(part)) for part in torch.split(images.detach().cpu().float(), CHUNK)]
        return torch.cat(parts).float()
