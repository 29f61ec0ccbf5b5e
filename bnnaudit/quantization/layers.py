"""Layers with binary weights: what they compute, how they are trained, and their ordinary form for export."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from bnnaudit.quantization.binarizers import Binarizer, signs, training_signs
from bnnaudit.quantization.learned_step import UniformConv2d, UniformLinear, round_weights


class WeightScale(StrEnum):
    """What multiplies the binary weights of one output channel."""

    NONE = "none"
    MEAN = "mean"


def binarize(latent: Tensor, scale: WeightScale) -> Tensor:
    """The weights that a binary layer uses when it is deployed: sign(w), sign(0) = +1, times the scale of the output channel.

    latent, result (out, ...). `none`: -1 and +1. `mean`: the channel's mean |w| ([Rastegari et al. 2016], XNOR-Net). The sign's
    gradient is straight-through inside |w| <= 1 and zero outside ([Hubara et al. 2016]). Binary weights binarize to themselves:
    to the bit without a scale, to float rounding with one.
    """
    return _scaled(signs(latent), latent, scale)


def _scaled(values: Tensor, latent: Tensor, scale: WeightScale) -> Tensor:
    match scale:
        case WeightScale.NONE:
            return values
        case WeightScale.MEAN:
            return values * latent.abs().mean(dim=tuple(range(1, latent.dim())), keepdim=True)
        case _:
            assert_never(scale)


class _Binary(nn.Module):
    """What both kinds of binary layers have in common. `weight` holds the latent weights, which training moves.

    In training mode the weights are those of the binarizer, in eval mode the signs that will be deployed; inside of
    `training_weights` those of training in either mode.
    """

    weight_bits = 1
    weight: Tensor
    scale: WeightScale
    binarizer: Binarizer
    beta = 1.0
    always_trains = False

    def used_weight(self) -> Tensor:
        """The weights (out, ...) that the layer multiplies with."""
        if self.training or self.always_trains:
            return _scaled(training_signs(self.weight, self.binarizer, self.beta), self.weight, self.scale)
        return binarize(self.weight, self.scale)


class BinaryConv2d(_Binary, nn.Conv2d):
    """A convolution with binary weights."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        bias: bool = False,
        scale: WeightScale = WeightScale.NONE,
        binarizer: Binarizer = Binarizer.STE,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=bias)
        self.scale = scale
        self.binarizer = binarizer

    def forward(self, values: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H', W')."""
        result: Tensor = self._conv_forward(values, self.used_weight(), self.bias)
        return result


class BinaryLinear(_Binary, nn.Linear):
    """A linear layer with binary weights. training_temperature multiplies its output in training mode only."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = False,
        scale: WeightScale = WeightScale.NONE,
        binarizer: Binarizer = Binarizer.STE,
        training_temperature: float = 1.0,
    ) -> None:
        super().__init__(in_features, out_features, bias)
        self.scale = scale
        self.binarizer = binarizer
        self.training_temperature = training_temperature

    def forward(self, values: Tensor) -> Tensor:
        """(N, in) -> (N, out)."""
        result = nn.functional.linear(values, self.used_weight(), self.bias)
        return result * self.training_temperature if self.training and self.training_temperature != 1 else result


def binary_layers(network: nn.Module) -> Iterator[BinaryConv2d | BinaryLinear]:
    """The network's layers with binary weights, in the order of registration."""
    for layer in network.modules():
        if isinstance(layer, BinaryConv2d | BinaryLinear):
            yield layer


@torch.no_grad()
def clip_latent_weights(network: nn.Module) -> None:
    """Keeps the latent weights of `bc` and `ste` in [-1, 1], where their gradient lives; to be called after each step."""
    for layer in binary_layers(network):
        if not layer.binarizer.annealed:
            layer.weight.clamp_(-1.0, 1.0)


@contextmanager
def training_weights(network: nn.Module) -> Iterator[None]:
    """Within the block, annealed layers use their training weights in eval mode too: for attacks during training."""
    layers = list(binary_layers(network))
    for layer in layers:
        layer.always_trains = True
    try:
        yield
    finally:
        for layer in layers:
            layer.always_trains = False


@torch.no_grad()
def deploy(network: nn.Module) -> nn.Module:
    """A copy in eval mode whose binary layers are plain `nn.Conv2d` and `nn.Linear` that hold the binarized weights.

    Layers with weights on a grid keep their step, and hold rounded weights. The copy's outputs equal those of
    `network.eval()` to the bit. Names are kept, so its state dict fits `network` as well.
    """
    twin = copy.deepcopy(network).eval()
    for layer in twin.modules():
        if isinstance(layer, UniformConv2d | UniformLinear):
            round_weights(layer)
    if isinstance(twin, BinaryConv2d | BinaryLinear):
        return _plain(twin)
    for parent in list(twin.modules()):
        for name, child in parent.named_children():
            if isinstance(child, BinaryConv2d | BinaryLinear):
                setattr(parent, name, _plain(child))
    return twin


def _plain(layer: BinaryConv2d | BinaryLinear) -> nn.Module:
    """The ordinary layer that computes the same."""
    weight = binarize(layer.weight, layer.scale)
    settings: dict[str, Any] = {"bias": layer.bias is not None, "device": weight.device, "dtype": weight.dtype}
    plain: nn.Linear | nn.Conv2d
    if isinstance(layer, BinaryLinear):
        plain = nn.Linear(layer.in_features, layer.out_features, **settings)
    else:
        sizes: Any = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)
        settings["groups"] = layer.groups
        plain = nn.Conv2d(*sizes, **settings)
    plain.weight = nn.Parameter(weight)
    plain.bias = layer.bias
    return plain.train(layer.training)
