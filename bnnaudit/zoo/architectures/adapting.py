"""Networks as torchvision defines them, with the width, the input and the precision that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import nn

from bnnaudit.zoo.architectures.precision import Precision

FULL_WIDTH = 64
"""Channels after the first convolution of the ResNets, VGGs and DenseNets as published: `width` is in their units."""
MOST_WIDTH = 4096
"""64 times the published width. Not tuned."""


def skeleton(build: Callable[[ModuleType], Any]) -> Any:
    """The network that `build` makes of our module of torchvision's networks, without memory for its weights.

    All of them are replaced by `adapted`.
    """
    with torch.device("cpu"):
        from bnnaudit.zoo.architectures import torchvision_networks

    with torch.device("meta"):
        return build(torchvision_networks)


def refuse_width(width: int) -> None:
    """Raises ValueError unless the width is a whole number from 1 to `MOST_WIDTH`."""
    if isinstance(width, bool) or not isinstance(width, int) or not 1 <= width <= MOST_WIDTH:
        raise ValueError(f"width {width!r:.80} is not a whole number from 1 to {MOST_WIDTH}")


def adapted(
    network: nn.Module, precision: Precision, scale: Callable[[int], int], ends: tuple[nn.Module, ...]
) -> nn.Module:
    """The skeleton itself, each of its layers replaced by one of this precision, with memory and with `scale`d channels.

    scale: from the skeleton's channels to those of the network. ends: first and last layer, already adapted, which are left
    alone. Where activations are quantized, ReLUs become the precision's activation, and a Hardtanh its signed form.
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            replacement = None if child in ends else _replacement(child, precision, scale)
            if replacement is not None:
                setattr(parent, name, replacement)
    return network


def _replacement(layer: nn.Module, precision: Precision, scale: Callable[[int], int]) -> nn.Module | None:
    """The layer to stand in its place; None for one without weights of its own."""
    match layer:
        case nn.Conv2d():
            kernel, stride, padding = (_one(sizes) for sizes in (layer.kernel_size, layer.stride, layer.padding))
            inputs, outputs = scale(layer.in_channels), scale(layer.out_channels)
            groups = inputs if layer.groups > 1 else 1  # depthwise, the only kind there is
            return precision.convolution(inputs, outputs, kernel, stride, padding, groups)
        case nn.BatchNorm2d():
            return nn.BatchNorm2d(scale(layer.num_features))
        case nn.ReLU() | nn.ReLU6() if precision.steps:
            return precision.activation()
        case nn.Hardtanh() if precision.steps:
            return precision.activation(signed=True)
        case _:
            return None


def _one(sizes: Any) -> int:
    """The side of a square."""
    height, width = sizes
    assert height == width
    return int(height)
