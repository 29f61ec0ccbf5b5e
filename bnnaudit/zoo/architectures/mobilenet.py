"""MobileNet-V2 for small images."""

from __future__ import annotations

from torch import nn

from bnnaudit.quantization.binarizers import Binarizer
from bnnaudit.quantization.layers import WeightScale
from bnnaudit.zoo.architectures.adapting import FULL_WIDTH, adapted, refuse_width, skeleton
from bnnaudit.zoo.architectures.precision import Activations, Ends, Precision, Weights


def mobilenet_v2(
    in_channels: int = 3,
    width: int = FULL_WIDTH,
    classes: int = 10,
    weights: str = Weights.FLOAT,
    activations: str = Activations.RELU,
    weight_scale: str = WeightScale.NONE,
    ends: str = Ends.QUANTIZED,
    binarizer: str = Binarizer.STE,
    training_temperature: float | None = None,
) -> nn.Module:
    """torchvision's MobileNet-V2 for images (N, in_channels, H, W) of 32 x 32 pixels or so -> logits (N, classes).

    Its first convolution and second stage have stride 1. width: in 64ths of torchvision's width multiplier, so 64 is that
    of [Gupta & Ajanthan 2022]. Quantized activations come before every convolution but the first; what goes around a
    block is not quantized.
    `weight_scale`, `binarizer` and `training_temperature` (see `Precision.classifier`) count for binary weights. Raises
    ValueError where an option has no such value.
    """
    precision = Precision.of(weights, activations, weight_scale, ends, binarizer, training_temperature)
    refuse_width(width)
    network = skeleton(lambda library: library.mobilenet_v2(width / FULL_WIDTH, precision.steps))
    stem, dense = network.features[0], network.classifier[1]
    first = precision.convolution(in_channels, stem[0].out_channels, end=True)
    last = precision.classifier(dense.in_features, classes)
    stem[0], network.classifier[1] = first, last
    return adapted(network, precision, lambda channels: channels, (first, last))
