"""How precise weights and activations are, and the layers that follow from it.

In the words of [Gupta & Ajanthan 2022]: float and relu is REF, binary and relu BNN-WQ, binary and binary BNN-WAQ. The
uniform kinds, and ternary weights (-1, 0 and +1 times a scale), have learned steps ([Esser et al. 2020]).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from torch import nn

from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.quantization.binarizers import Binarizer
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.layers import BinaryConv2d, BinaryLinear, WeightScale
from bnnaudit.quantization.learned_step import LearnedStepQuantizer, UniformConv2d, UniformLinear
from bnnaudit.quantization.quantizers import BinarySign

TRAINING_SURROGATE = Surrogate.usual(SurrogateKind.CLIPPED, 1.0)


class Weights(StrEnum):
    """Precision of the convolutions and linear layers; `uniform4` has whole numbers of 4 bits times a scale."""

    FLOAT = "float"
    BINARY = "binary"
    TERNARY = "ternary"
    UNIFORM2 = "uniform2"
    UNIFORM4 = "uniform4"
    UNIFORM8 = "uniform8"


class Activations(StrEnum):
    """What a convolution or linear layer is given, but for the first one."""

    RELU = "relu"
    BINARY = "binary"
    UNIFORM2 = "uniform2"
    UNIFORM4 = "uniform4"
    UNIFORM8 = "uniform8"


GRIDS = {
    Weights.TERNARY: Grid.whole(2, signed=True, narrow=True),
    Weights.UNIFORM2: Grid.whole(2, signed=True),
    Weights.UNIFORM4: Grid.whole(4, signed=True),
    Weights.UNIFORM8: Grid.whole(8, signed=True),
}
BITS = {Activations.UNIFORM2: 2, Activations.UNIFORM4: 4, Activations.UNIFORM8: 8}


class Ends(StrEnum):
    """Whether the first and the last layer are as precise as the others, as in [Gupta & Ajanthan 2022], or float."""

    QUANTIZED = "quantized"
    FLOAT = "float"


@dataclass(frozen=True, slots=True)
class Precision:
    """What the options of an architecture say about its layers; `of` raises ValueError for a word that is no option."""

    weights: Weights
    activations: Activations
    scale: WeightScale
    ends: Ends
    binarizer: Binarizer
    training_temperature: float | None

    @classmethod
    def of(
        cls,
        weights: str,
        activations: str,
        weight_scale: str,
        ends: str,
        binarizer: str,
        training_temperature: float | None = None,
    ) -> Precision:
        """From the words of a recipe or a card."""
        if training_temperature is not None and not 0 < training_temperature < math.inf:
            raise ValueError(f"training_temperature {training_temperature!r:.80} is not a positive number")
        return cls(
            Weights(weights),
            Activations(activations),
            WeightScale(weight_scale),
            Ends(ends),
            Binarizer(binarizer),
            training_temperature,
        )

    @property
    def steps(self) -> bool:
        """Whether activations are quantized."""
        return self.activations is not Activations.RELU

    def convolution(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        padding: int = 1,
        groups: int = 1,
        end: bool = False,
    ) -> nn.Module:
        """A convolution without bias, to be followed by a batch normalisation. end: it is the network's first or last layer."""
        match self._weights(end):
            case Weights.FLOAT:
                return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
            case Weights.BINARY:
                return BinaryConv2d(
                    inputs,
                    outputs,
                    kernel,
                    stride=stride,
                    padding=padding,
                    groups=groups,
                    scale=self.scale,
                    binarizer=self.binarizer,
                )
            case uniform:
                return UniformConv2d(
                    inputs, outputs, kernel, grid=GRIDS[uniform], stride=stride, padding=padding, groups=groups
                )

    def linear(self, inputs: int, outputs: int, end: bool = False) -> nn.Module:
        """A linear layer without bias, to be followed by a batch normalisation. end: it is the network's first or last layer."""
        match self._weights(end):
            case Weights.FLOAT:
                return nn.Linear(inputs, outputs, bias=False)
            case Weights.BINARY:
                return BinaryLinear(inputs, outputs, scale=self.scale, binarizer=self.binarizer)
            case uniform:
                return UniformLinear(inputs, outputs, grid=GRIDS[uniform])

    def classifier(self, inputs: int, classes: int) -> nn.Module:
        """The last layer, which gives the logits: with a bias if its weights are float.

        Where weights without a scale and activations are binary, each logit is a sum of `inputs` terms of +-1,
        which no normalisation scales down, and saturates the softmax from the start. There, in training mode, logits
        are multiplied by the temperature, by default 1 / sqrt(inputs). Deployed they are not: they are as large as those of
        [Gupta & Ajanthan 2022], and the decision is the same.
        """
        if self._weights(end=True) is Weights.FLOAT:
            return nn.Linear(inputs, classes)
        layer = self.linear(inputs, classes, end=True)
        if isinstance(layer, BinaryLinear):
            saturates = self.scale is WeightScale.NONE and self.activations is Activations.BINARY
            usual = 1 / math.sqrt(inputs) if saturates else 1.0
            layer.training_temperature = usual if self.training_temperature is None else self.training_temperature
        return layer

    def activation(self, signed: bool = False) -> nn.Module:
        """ReLU, or the step that quantizes. signed: a uniform one keeps what is below zero."""
        return activation(self.activations, signed)

    def _weights(self, end: bool) -> Weights:
        return Weights.FLOAT if end and self.ends is Ends.FLOAT else self.weights


def activation(kind: Activations, signed: bool = False) -> nn.Module:
    """ReLU, a uniform quantizer that does what it does, or the sign with sign(0) = +1.

    The sign's gradient in training is straight-through, clipped to |z| <= 1. signed: a uniform quantizer keeps what is
    below zero.
    """
    match kind:
        case Activations.RELU:
            return nn.ReLU()
        case Activations.BINARY:
            return BinarySign(surrogate=TRAINING_SURROGATE)
        case uniform:
            return LearnedStepQuantizer(BITS[uniform], signed)
