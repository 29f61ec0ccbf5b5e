"""A small convolutional network for small images."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import nn

from bnnaudit.quantization.binarizers import Binarizer
from bnnaudit.quantization.layers import WeightScale
from bnnaudit.zoo.architectures.precision import Activations, Ends, Precision, Weights


def cnn(
    in_channels: int = 1,
    image_size: int = 8,
    channels: Sequence[int] = (32, 64, 64),
    strides: Sequence[int] | None = None,
    classes: int = 10,
    weights: str = Weights.FLOAT,
    activations: str = Activations.RELU,
    weight_scale: str = WeightScale.NONE,
    ends: str = Ends.QUANTIZED,
    binarizer: str = Binarizer.STE,
    training_temperature: float | None = 1.0,
) -> nn.Module:
    """3 x 3 convolutions, each with batch normalisation and an activation, then one linear layer to the logits.

    (N, in_channels, image_size, image_size) -> (N, classes). `strides` has one value per convolution; by default 1, then 2.
    `weight_scale`, `binarizer` and `training_temperature` (see `Precision.classifier`) count for binary weights. Raises
    ValueError where an option has no such value.
    """
    steps = [1, *[2] * (len(channels) - 1)] if strides is None else list(strides)
    precision = Precision.of(weights, activations, weight_scale, ends, binarizer, training_temperature)
    layers: list[nn.Module] = []
    size, inputs = image_size, in_channels
    for index, (outputs, stride) in enumerate(zip(channels, steps, strict=True)):
        convolution = precision.convolution(inputs, outputs, stride=stride, end=index == 0)
        layers += [convolution, nn.BatchNorm2d(outputs), precision.activation()]
        size, inputs = math.ceil(size / stride), outputs
    layers += [nn.Flatten(), precision.classifier(inputs * size * size, classes)]
    return nn.Sequential(*layers)
