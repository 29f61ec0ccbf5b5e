"""A multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from bnnaudit.quantization.layers import WeightScale
from bnnaudit.zoo.architectures.precision import Activations, Weights, activation, linear


def mlp(
    in_features: int = 64,
    hidden: Sequence[int] = (128, 128),
    classes: int = 10,
    weights: str = Weights.FLOAT,
    activations: str = Activations.RELU,
    weight_scale: str = WeightScale.NONE,
) -> nn.Module:
    """Linear layers, each with batch normalisation and an activation, then one to the logits.

    (N, ...) with in_features values an image -> (N, classes). `weight_scale` (none, mean) counts for binary weights.
    Raises ValueError where an option has no such value.
    """
    precision, kind, scale = Weights(weights), Activations(activations), WeightScale(weight_scale)
    layers: list[nn.Module] = [nn.Flatten()]
    inputs = in_features
    for outputs in hidden:
        layers += [linear(inputs, outputs, precision, scale), nn.BatchNorm1d(outputs), activation(kind)]
        inputs = outputs
    layers.append(linear(inputs, classes, precision, scale, bias=precision is Weights.FLOAT))
    return nn.Sequential(*layers)
