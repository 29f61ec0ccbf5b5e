"""DenseNet-121 for small images."""

from __future__ import annotations

from torch import nn

from bnnaudit.quantization.binarizers import Binarizer
from bnnaudit.quantization.layers import WeightScale
from bnnaudit.zoo.architectures.adapting import FULL_WIDTH, adapted, refuse_width, skeleton
from bnnaudit.zoo.architectures.precision import Activations, Ends, Precision, Weights


def densenet121(
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
    """torchvision's DenseNet-121 for images (N, in_channels, H, W) of 32 x 32 pixels or so -> logits (N, classes).

    Its first convolution is 3 x 3 with stride 1, and no pooling follows it. width, even: channels after that, 64 in
    [Gupta & Ajanthan 2022]; the growth rate is half of it. Quantized activations come before every convolution but the
    first, as ReLUs do; what the dense connections carry is not quantized.
    `weight_scale`, `binarizer` and `training_temperature` (see `Precision.classifier`) count for binary weights. Raises
    ValueError where an option has no such value.
    """
    precision = Precision.of(weights, activations, weight_scale, ends, binarizer, training_temperature)
    refuse_width(width)
    if width % 2:
        raise ValueError(f"width {width} is odd, and half of it is the growth rate")
    network = skeleton(lambda library: library.densenet121(width))
    first = precision.convolution(in_channels, width, end=True)
    last = precision.classifier(network.classifier.in_features, classes)
    network.features.conv0, network.features.pool0, network.classifier = first, nn.Identity(), last
    if precision.steps:
        network.features.relu0 = nn.Identity()
    return adapted(network, precision, lambda channels: channels, (first, last))
