"""Layers with binary weights: what they compute, how they are trained, and their ordinary form for export."""

from __future__ import annotations

import copy
from enum import StrEnum
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.quantization.surrogates import binary_sign, sign_step

LATENT_SURROGATE = Surrogate.usual(SurrogateKind.CLIPPED, 1.0)


class WeightScale(StrEnum):
    """What multiplies the binary weights of one output channel."""

    NONE = "none"
    MEAN = "mean"


def binarise(latent: Tensor, scale: WeightScale) -> Tensor:
    """The weights that a binary layer uses: sign(w), sign(0) = +1, times the scale of the output channel.

    latent, result (out, ...). `none`: -1 and +1. `mean`: the channel's mean |w| ([Rastegari et al. 2016], XNOR-Net).
    The sign's gradient is straight-through inside |w| <= 1 and zero outside ([Hubara et al. 2016]). Binary weights
    binarise to themselves: to the bit without a scale, to float rounding with one.
    """
    signs = sign_step(latent, binary_sign(latent), LATENT_SURROGATE)
    match scale:
        case WeightScale.NONE:
            return signs
        case WeightScale.MEAN:
            return signs * latent.abs().mean(dim=tuple(range(1, latent.dim())), keepdim=True)
        case _:
            assert_never(scale)


class BinaryConv2d(nn.Conv2d):
    """A convolution with binary weights; `weight` holds the float weights that training moves."""

    weight_bits = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int = 0,
        bias: bool = False,
        scale: WeightScale = WeightScale.NONE,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, bias=bias)
        self.scale = scale

    def forward(self, values: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H', W')."""
        result: Tensor = self._conv_forward(values, binarise(self.weight, self.scale), self.bias)
        return result


class BinaryLinear(nn.Linear):
    """A linear layer with binary weights; `weight` holds the float weights that training moves."""

    weight_bits = 1

    def __init__(
        self, in_features: int, out_features: int, *, bias: bool = False, scale: WeightScale = WeightScale.NONE
    ) -> None:
        super().__init__(in_features, out_features, bias)
        self.scale = scale

    def forward(self, values: Tensor) -> Tensor:
        """(N, in) -> (N, out)."""
        return nn.functional.linear(values, binarise(self.weight, self.scale), self.bias)


@torch.no_grad()
def clip_latent_weights(network: nn.Module) -> None:
    """Keeps the latent weights in [-1, 1], where their straight-through gradient lives; to be called after each step."""
    for layer in network.modules():
        if isinstance(layer, BinaryConv2d | BinaryLinear):
            layer.weight.clamp_(-1.0, 1.0)


@torch.no_grad()
def deploy(network: nn.Module) -> nn.Module:
    """A copy in eval mode whose binary layers are plain `nn.Conv2d` and `nn.Linear` that hold the binarised weights.

    Its outputs equal those of `network.eval()` to the bit. Names are kept, so its state dict fits `network` as well.
    """
    twin = copy.deepcopy(network).eval()
    if isinstance(twin, BinaryConv2d | BinaryLinear):
        return _plain(twin)
    for parent in list(twin.modules()):
        for name, child in parent.named_children():
            if isinstance(child, BinaryConv2d | BinaryLinear):
                setattr(parent, name, _plain(child))
    return twin


def _plain(layer: BinaryConv2d | BinaryLinear) -> nn.Module:
    """The ordinary layer that computes the same."""
    weight = binarise(layer.weight, layer.scale)
    settings: dict[str, Any] = {"bias": layer.bias is not None, "device": weight.device, "dtype": weight.dtype}
    plain: nn.Linear | nn.Conv2d
    if isinstance(layer, BinaryLinear):
        plain = nn.Linear(layer.in_features, layer.out_features, **settings)
    else:
        sizes: Any = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)
        plain = nn.Conv2d(*sizes, **settings)
    plain.weight = nn.Parameter(weight)
    plain.bias = layer.bias
    return plain.train(layer.training)
