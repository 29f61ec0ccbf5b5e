"""The input of a network that takes whole numbers."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from bnnaudit.core.target import Target
from bnnaudit.quantization.surrogates import round_step


class WholeInput(nn.Module):
    """The rounding into the range of the input's integer type, with the gradient 1 everywhere, the ends included."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low = low
        self.high = high

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, ...) of whole numbers."""
        return round_step(values, torch.round(values.detach()).clamp(self.low, self.high))


def between_whole_numbers(target: Target) -> Target:
    """The target with what it computes behind the rounding of its input continued between the whole numbers.

    For whoever asks what the network itself makes of small changes; the target, where its input is not rounded.
    """
    if target.facts.grid is None:
        return target
    shared = {id(tensor): tensor for tensor in (*target.network.parameters(), *target.network.buffers())}
    network = copy.deepcopy(target.network, memo=shared)
    for module in list(network.modules()):
        for name, part in module.named_children():
            if isinstance(part, WholeInput):
                setattr(module, name, nn.Identity())
    return replace(target, network=network)
