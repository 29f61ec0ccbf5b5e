"""Weights channels last: the same scores, and only where the network's code does not rely on strides."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnaudit.models.speed import put_channels_last

IMAGES = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Viewing(nn.Module):
    """Takes its features to be contiguous."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.head = nn.Conv2d(3, 4, 3), nn.Linear(144, 5)

    def forward(self, values: Tensor) -> Tensor:
        features = self.convolution(values)
        return self.head(features.view(len(features), -1))


class InStoredOrder(nn.Module):
    """Reads its features in the order in which they lie in memory, which changes the scores without an error."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.head = nn.Conv2d(3, 4, 3), nn.Linear(144, 5)

    def forward(self, values: Tensor) -> Tensor:
        features = self.convolution(values)
        return self.head(features.as_strided((len(features), 144), (144, 1)))


def test_a_convolution_computes_channels_last_with_the_same_scores() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)).requires_grad_(False)
    before = network(IMAGES)
    put_channels_last(network, IMAGES)
    assert network[0](IMAGES).is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network(IMAGES), before)


def test_code_that_relies_on_strides_keeps_them() -> None:
    for network in (Viewing(), InStoredOrder()):
        network.requires_grad_(False)
        before = network(IMAGES)
        put_channels_last(network, IMAGES)
        assert network.convolution.weight.is_contiguous()
        assert torch.equal(network(IMAGES), before)


def test_a_network_without_convolutions_is_left_alone() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).requires_grad_(False)
    put_channels_last(network, IMAGES)
    assert network[1].weight.is_contiguous()
