"""A network like LeNet-5 for digits and other small images."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from bnnaudit.quantization.binarizers import Binarizer
from bnnaudit.quantization.layers import WeightScale
from bnnaudit.zoo.architectures.precision import Activations, Ends, Precision, Weights


def lenet(
    in_channels: int = 1,
    image_size: int = 28,
    channels: Sequence[int] = (6, 16),
    hidden: Sequence[int] = (120, 84),
    classes: int = 10,
    weights: str = Weights.FLOAT,
    activations: str = Activations.RELU,
    weight_scale: str = WeightScale.NONE,
    ends: str = Ends.QUANTIZED,
    binarizer: str = Binarizer.STE,
    training_temperature: float | None = None,
) -> nn.Module:
    """5 x 5 convolutions padded by 2, each halved by max pooling, then linear layers: LeNet-5 but for batch normalisation.

    (N, in_channels, image_size, image_size) -> (N, classes). Activations come after the pooling, where a sign leaves the
    gradient of the largest value intact. Raises ValueError where an option has no such value.
    """
    precision = Precision.of(weights, activations, weight_scale, ends, binarizer, training_temperature)
    layers: list[nn.Module] = []
    size, inputs = image_size, in_channels
    for index, outputs in enumerate(channels):
        convolution = precision.convolution(inputs, outputs, kernel=5, padding=2, end=index == 0)
        layers += [convolution, nn.BatchNorm2d(outputs), nn.MaxPool2d(2), precision.activation()]
        size, inputs = size // 2, outputs
    layers.append(nn.Flatten())
    inputs *= size * size
    for outputs in hidden:
        layers += [precision.linear(inputs, outputs), nn.BatchNorm1d(outputs), precision.activation()]
        inputs = outputs
    layers.append(precision.classifier(inputs, classes))
    return nn.Sequential(*layers)
