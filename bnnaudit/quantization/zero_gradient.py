"""A network that is cut off from autograd, made differentiable all the same: its gradient is zero, not an error."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from bnnaudit.core.target import Target


class Attached(nn.Module):
    """What a network computes, tied to its input by a gradient of zero."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, *input_shape) -> (N, d)."""
        result: Tensor = self.network(inputs)
        return result + (0 * inputs).flatten(1).sum(dim=1, keepdim=True).to(result.dtype)


def attached_network(network: nn.Module, inputs: Tensor) -> nn.Module:
    """The network, or an attached one where autograd finds no way from its scores to one of inputs (N, *input_shape)."""
    points = inputs[:1].detach().clone().requires_grad_()
    if len(points) == 0:
        return network
    with torch.enable_grad():
        scores: Tensor = network(points)
    return network if scores.requires_grad else Attached(network)


def with_zero_gradient(target: Target, images: Tensor) -> Target:
    """The target itself, or an attached one where autograd finds no way from the logits to one of the images (N, ...).

    A user's network may compute a part without gradients, or detach it; every attack on it would end in an error.
    """
    network = attached_network(target.network, target.prepare(images[:1].to(target.device)))
    return target if network is target.network else replace(target, network=network)
