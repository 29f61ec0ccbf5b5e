"""How precise weights and activations are, and the layers that follow from it.

In the words of [Gupta & Ajanthan 2022]: float and relu is REF, binary and relu BNN-WQ, binary and binary BNN-WAQ.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from torch import nn

from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.quantization.layers import BinaryConv2d, BinaryLinear, WeightScale
from bnnaudit.quantization.quantizers import BinarySign

TRAINING_SURROGATE = Surrogate.usual(SurrogateKind.CLIPPED, 1.0)


class Weights(StrEnum):
    """Precision of every convolution and linear layer, the first and the last included."""

    FLOAT = "float"
    BINARY = "binary"


class Activations(StrEnum):
    """What follows each batch normalisation."""

    RELU = "relu"
    BINARY = "binary"


def convolution(inputs: int, outputs: int, stride: int, weights: Weights, scale: WeightScale) -> nn.Module:
    """A 3 x 3 convolution, padded by 1, without bias: a batch normalisation follows it."""
    match weights:
        case Weights.FLOAT:
            return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        case Weights.BINARY:
            return BinaryConv2d(inputs, outputs, 3, stride=stride, padding=1, scale=scale)
        case _:
            assert_never(weights)


def linear(inputs: int, outputs: int, weights: Weights, scale: WeightScale, bias: bool = False) -> nn.Module:
    """A linear layer; a bias stays float."""
    match weights:
        case Weights.FLOAT:
            return nn.Linear(inputs, outputs, bias)
        case Weights.BINARY:
            return BinaryLinear(inputs, outputs, bias=bias, scale=scale)
        case _:
            assert_never(weights)


def activation(kind: Activations) -> nn.Module:
    """ReLU, or the sign with sign(0) = +1 and its straight-through gradient clipped to |z| <= 1 for training."""
    match kind:
        case Activations.RELU:
            return nn.ReLU()
        case Activations.BINARY:
            return BinarySign(surrogate=TRAINING_SURROGATE)
        case _:
            assert_never(kind)
