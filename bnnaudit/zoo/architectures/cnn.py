"""A small convolutional network for small images."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from bnnaudit.quantization.layers import WeightScale
from bnnaudit.zoo.architectures.precision import Activations, Weights, activation, convolution, linear


def cnn(
    in_channels: int = 1,
    image_size: int = 8,
    channels: Sequence[int] = (32, 64, 64),
    strides: Sequence[int] | None = None,
    classes: int = 10,
    weights: str = Weights.FLOAT,
    activations: str = Activations.RELU,
    weight_scale: str = WeightScale.NONE,
) -> nn.Module:
    """3 x 3 convolutions, each with batch normalisation and an activation, then one linear layer to the logits.

    (N, in_channels, image_size, image_size) -> (N, classes). `strides` has one value per convolution; by default 1, then 2.
    `weight_scale` (none, mean) counts for binary weights. Raises ValueError where an option has no such value.
    """
    steps = [1, *[2] * (len(channels) - 1)] if strides is None else list(strides)
    precision, kind, scale = Weights(weights), Activations(activations), WeightScale(weight_scale)
    layers: list[nn.Module] = []
    size, inputs = image_size, in_channels
    for outputs, stride in zip(channels, steps, strict=True):
        layers += [convolution(inputs, outputs, stride, precision, scale), nn.BatchNorm2d(outputs), activation(kind)]
        size, inputs = math.ceil(size / stride), outputs
    layers += [nn.Flatten(), linear(inputs * size * size, classes, precision, scale, bias=precision is Weights.FLOAT)]
    return nn.Sequential(*layers)
