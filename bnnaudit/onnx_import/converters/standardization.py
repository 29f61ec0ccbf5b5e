"""Values of an image brought to a norm of 1, or to mean 0 and variance 1: LpNormalization, MeanVarianceNormalization."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node

# What MeanVarianceNormalization adds to the standard deviation.
SMALLEST_DEVIATION = 1e-9


class UnitNorm(nn.Module):
    """Divided by the p-norm along an axis; zeros stay zeros, with a finite gradient."""

    def __init__(self, p: int, axis: int) -> None:
        super().__init__()
        self.p = p
        self.axis = axis

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        norm: Tensor = torch.linalg.vector_norm(values, ord=self.p, dim=self.axis, keepdim=True)
        return values / (norm + (norm == 0).to(norm.dtype))


class MeanVariance(nn.Module):
    """(x - mean) / (deviation + 1e-9), both over `axes`; the gradient of a deviation of 0 is 0."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        centred = values - values.mean(self.axes, keepdim=True)
        norm: Tensor = torch.linalg.vector_norm(centred, dim=self.axes, keepdim=True)
        deviation = norm / math.sqrt(values.numel() / max(norm.numel(), 1))
        return centred / (deviation + SMALLEST_DEVIATION)


def _unit_norm(node: Node) -> UnitNorm:
    return UnitNorm(int(node.attribute("p", 2)), int(node.attribute("axis", -1)))


def _mean_variance(node: Node) -> MeanVariance:
    return MeanVariance(tuple(int(axis) for axis in node.attribute("axes", (0, 2, 3))))


CONVERTERS: dict[str, Converter] = {
    "LpNormalization": lambda node: Converted(_unit_norm(node), node.inputs),
    "MeanVarianceNormalization": lambda node: Converted(_mean_variance(node), node.inputs),
}
