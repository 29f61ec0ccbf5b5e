"""A multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from bnnaudit.quantization.binarizers import Binarizer
from bnnaudit.quantization.layers import WeightScale
from bnnaudit.zoo.architectures.precision import Activations, Ends, Precision, Weights


def mlp(
    in_features: int = 64,
    hidden: Sequence[int] = (128, 128),
    classes: int = 10,
    weights: str = Weights.FLOAT,
    activations: str = Activations.RELU,
    weight_scale: str = WeightScale.NONE,
    ends: str = Ends.QUANTIZED,
    binarizer: str = Binarizer.STE,
    training_temperature: float | None = 1.0,
) -> nn.Module:
    """Linear layers, each with batch normalisation and an activation, then one to the logits.

    (N, ...) with in_features values an image -> (N, classes).
    `weight_scale`, `binarizer` and `training_temperature` (see `Precision.classifier`) count for binary weights. Raises
    ValueError where an option has no such value.
    """
    precision = Precision.of(weights, activations, weight_scale, ends, binarizer, training_temperature)
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = in_features
    for index, outputs in enumerate(hidden):
        layers += [precision.linear(inputs, outputs, end=index == 0), nn.BatchNorm1d(outputs), precision.activation()]
        inputs = outputs
    layers.append(precision.classifier(inputs, classes))
    return nn.Sequential(*layers)
