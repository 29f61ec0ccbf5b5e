"""The relaxed network: a smooth network in place of one with steps, for attacks to climb; it never judges."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnaudit.core.surrogate import Surrogate
from bnnaudit.quantization.quantizers import with_surrogate
from bnnaudit.quantization.surrogates import Relaxation


class RelaxedNetwork(nn.Module):
    """A network whose signs and grids of few levels are smooth: the same values with gradients enabled and without.

    Steps that a user's network takes in code of its own are intercepted only while gradients are enabled, so they always are.
    """

    def __init__(self, network: nn.Module, surrogate: Surrogate) -> None:
        super().__init__()
        self.network = with_surrogate(network, Relaxation(surrogate.kind, surrogate.width, surrogate.unit))

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, *input_shape) -> logits (N, d)."""
        with torch.enable_grad():
            logits: Tensor = self.network(inputs)
        return logits if torch.is_grad_enabled() else logits.detach()
