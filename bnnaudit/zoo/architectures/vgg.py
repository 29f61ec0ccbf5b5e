"""VGG-16 for small images."""

from __future__ import annotations

from torch import nn

from bnnaudit.quantization.binarizers import Binarizer
from bnnaudit.quantization.layers import WeightScale
from bnnaudit.zoo.architectures.adapting import FULL_WIDTH, adapted, refuse_width, skeleton
from bnnaudit.zoo.architectures.precision import Activations, Ends, Precision, Weights


def vgg16(
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
    """torchvision's VGG-16 with batch normalisation for images (N, in_channels, H, W) of 32 pixels or more -> (N, classes).

    One linear layer takes the place of the three. width: channels of the first convolution, 64 in
    [Gupta & Ajanthan 2022]. Convolutions have no bias, which the normalisation would take away. Pooling comes before the
    activation: the same for ReLU, and a sign leaves the gradient of the largest value intact.
    `weight_scale`, `binarizer` and `training_temperature` (see `Precision.classifier`) count for binary weights. Raises
    ValueError where an option has no such value.
    """
    precision = Precision.of(weights, activations, weight_scale, ends, binarizer, training_temperature)
    refuse_width(width)
    network = skeleton(lambda library: library.vgg16())
    layers = list(network.features)
    for index, layer in enumerate(layers):
        if isinstance(layer, nn.MaxPool2d):
            layers[index - 1], layers[index] = layer, layers[index - 1]
    widest = max(layer.num_features for layer in layers if isinstance(layer, nn.BatchNorm2d))
    first = precision.convolution(in_channels, width, end=True)
    last = precision.classifier(widest * width // FULL_WIDTH, classes)
    network.features = nn.Sequential(first, *layers[1:])
    network.avgpool, network.classifier = nn.AdaptiveAvgPool2d(1), last
    return adapted(network, precision, lambda channels: channels * width // FULL_WIDTH, (first, last))
