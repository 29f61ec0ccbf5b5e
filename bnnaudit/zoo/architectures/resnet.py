"""ResNets for small images."""

from __future__ import annotations

from typing import Any

from torch import nn

from bnnaudit.quantization.binarizers import Binarizer
from bnnaudit.quantization.layers import WeightScale
from bnnaudit.zoo.architectures.adapting import FULL_WIDTH, adapted, refuse_width, skeleton
from bnnaudit.zoo.architectures.precision import Activations, Ends, Precision, Weights


def resnet18(
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
    """torchvision's ResNet-18 for images (N, in_channels, H, W) of 32 x 32 pixels or so -> logits (N, classes).

    Its first convolution is 3 x 3 with stride 1, and no pooling follows it. width: channels after that, 64 in
    [Gupta & Ajanthan 2022]. With ReLU activations the blocks are torchvision's. With quantized ones every convolution but
    the first takes quantized values, in a block whose sums are not quantized and, other than the paper's, has a way
    around each convolution (`torchvision_networks.SteppedBasicBlock`); the logits are a linear layer on averages of
    quantized values.
    `weight_scale`, `binarizer` and `training_temperature` (see `Precision.classifier`) count for binary weights. Raises
    ValueError where an option has no such value.
    """
    precision = Precision.of(weights, activations, weight_scale, ends, binarizer, training_temperature)
    return _resnet(skeleton(lambda library: library.resnet18(precision.steps)), in_channels, width, classes, precision)


def resnet50(
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
    """torchvision's ResNet-50 in the same way as `resnet18`; a block has one way around its three convolutions."""
    precision = Precision.of(weights, activations, weight_scale, ends, binarizer, training_temperature)
    return _resnet(skeleton(lambda library: library.resnet50(precision.steps)), in_channels, width, classes, precision)


def _resnet(network: Any, in_channels: int, width: int, classes: int, precision: Precision) -> nn.Module:
    refuse_width(width)
    first = precision.convolution(in_channels, width, end=True)
    last = precision.classifier(network.fc.in_features * width // FULL_WIDTH, classes)
    network.conv1, network.maxpool, network.fc = first, nn.Identity(), last
    if precision.steps:
        network.relu = nn.Identity()
        network.avgpool = nn.Sequential(nn.ReLU(), network.avgpool)
    return adapted(network, precision, lambda channels: channels * width // FULL_WIDTH, (first, last))
