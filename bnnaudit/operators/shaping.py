"""New shapes for the same values: Reshape, Flatten, Squeeze, Unsqueeze."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bnnaudit.operators.conversion import Converted, Converter, Node


class Reshape(nn.Module):
    """To a shape that is fixed (`target`) or computed; 0 copies an axis unless `allow_zero`, -1 is what is left."""

    def __init__(self, target: list[int] | None, allow_zero: bool) -> None:
        super().__init__()
        self.target = target
        self.allow_zero = allow_zero

    def forward(self, values: Tensor, shape: Tensor | None = None) -> Tensor:
        """values (...) -> (target); `shape` is the computed target where there is no fixed one."""
        target = self.target if self.target is not None else [int(size) for size in shape]  # type: ignore[union-attr]
        if not self.allow_zero:
            target = [values.shape[axis] if size == 0 else size for axis, size in enumerate(target)]
        return values.reshape(target)

    def extra_repr(self) -> str:
        """For people: the target."""
        return f"{self.target}"


class Flatten(nn.Module):
    """To a matrix: the axes before `axis` become rows, those from it on columns."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (rows, columns)."""
        axis = self.axis + values.dim() if self.axis < 0 else self.axis
        return values.reshape(-1 if axis else 1, math.prod(values.shape[axis:]))


class Squeeze(nn.Module):
    """Without the given axes, or without every axis of size 1."""

    def __init__(self, axes: list[int] | None) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> fewer axes."""
        return values.squeeze() if self.axes is None else values.squeeze(tuple(self.axes))


class Unsqueeze(nn.Module):
    """With axes of size 1 put in, which are counted in the result."""

    def __init__(self, axes: list[int]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> more axes."""
        rank = values.dim() + len(self.axes)
        for axis in sorted(axis % rank for axis in self.axes):
            values = torch.unsqueeze(values, axis)
        return values


def _reshape(node: Node) -> Converted:
    allow_zero = bool(node.attribute("allowzero", 0))
    fixed = node.attribute("shape") is not None or node.is_constant(1)
    target = node.integers(1, "shape") if fixed else None
    return Converted(Reshape(target, allow_zero), node.inputs[:1] if fixed else node.inputs[:2])


def _flatten(node: Node) -> Converted:
    return Converted(Flatten(int(node.attribute("axis", 1))), node.inputs)


def _squeeze(node: Node) -> Converted:
    return Converted(Squeeze(node.integers(1, "axes") or None), node.inputs[:1])


def _unsqueeze(node: Node) -> Converted:
    return Converted(Unsqueeze(node.integers(1, "axes") or []), node.inputs[:1])


CONVERTERS: dict[str, Converter] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
}
