"""Recorded networks that compute in mixed precision: the recording switches it on by one operator and off by another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, fx, nn


@contextmanager
def precision_kept(devices: frozenset[str]) -> Iterator[None]:
    """Leaves autocast for these kinds of device as it was, though a run should end between its two operators."""
    with ExitStack() as held:
        for device in devices:
            enabled, kind = torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)
            held.enter_context(torch.autocast(device, kind, enabled))
        yield


def autocast_devices(graph: fx.Graph) -> frozenset[str]:
    """The kinds of device for which a recorded network switches autocast on."""
    return frozenset(
        str(node.args[0]) for node in graph.nodes if node.target is torch.amp.autocast_mode._enter_autocast
    )


class MixedPrecision(nn.Module):
    """A recorded network that switches autocast on: it is off again where a hook that has seen enough stops the run half-way."""

    def __init__(self, network: nn.Module, devices: frozenset[str]) -> None:
        super().__init__()
        self.network, self.devices = network, devices

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, *input_shape) -> (N, d)."""
        with precision_kept(self.devices):
            scores: Tensor = self.network(inputs)
        return scores
