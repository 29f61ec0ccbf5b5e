"""The input of a network that takes whole numbers."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from bnnaudit.core.target import Target
from bnnaudit.quantization.quantizers import shared_copy
from bnnaudit.quantization.surrogates import round_step


class IntegerInput(nn.Module):
    """The rounding into the range of the input's integer type, with the gradient 1 everywhere, the ends included."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low = low
        self.high = high

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, ...) of whole numbers."""
        return round_step(values, torch.round(values.detach()).clamp(self.low, self.high))


def without_input_rounding(target: Target) -> Target:
    """The target without the rounding of its input, so that small changes of an image reach the network behind it.

    The target itself where its input is not rounded.
    """
    if target.facts.grid is None:
        return target
    network = shared_copy(target.network)
    for module in list(network.modules()):
        for name, part in module.named_children():
            if isinstance(part, IntegerInput):
                setattr(module, name, nn.Identity())
    return replace(target, network=network)
