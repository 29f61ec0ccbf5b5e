"""Elementwise functions that onnx2torch lacks, or whose settings it reads in part."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.operators.conversion import Converted, Converter, Node, elementwise


class Clip(nn.Module):
    """Between a lower and an upper bound; each may be missing, or computed."""

    def __init__(self, low: float | None, high: float | None, computed: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.low = low
        self.high = high
        self.computed = computed

    def forward(self, values: Tensor, *bounds: Tensor) -> Tensor:
        """(...) -> (...); where the bounds cross, the upper one wins."""
        given = dict(zip(self.computed, bounds, strict=True))
        low, high = given.get("low", self.low), given.get("high", self.high)
        if low is not None:
            values = torch.clamp(values, min=low)
        return values if high is None else torch.clamp(values, max=high)

    def extra_repr(self) -> str:
        """For people: the bounds."""
        return f"{self.low}, {self.high}"


class Swish(nn.Module):
    """x sigmoid(alpha x)."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        return values * torch.sigmoid(self.alpha * values)


class PRelu(nn.Module):
    """max(x, 0) + slope min(x, 0), the slope broadcast to x."""

    def forward(self, values: Tensor, slope: Tensor) -> Tensor:
        """values (...), slope broadcastable -> (...)."""
        return torch.where(values < 0, slope * values, values)


class Softmax(nn.Module):
    """Over one axis, or (before version 13) over all axes from one on taken together."""

    def __init__(self, axis: int, together: bool, log: bool) -> None:
        super().__init__()
        self.axis = axis
        self.together = together
        self.log = log

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        function = functional.log_softmax if self.log else functional.softmax
        if not self.together:
            return function(values, dim=self.axis)
        return function(values.flatten(start_dim=self.axis), dim=-1).reshape(values.shape)


def _clip(node: Node) -> Converted:
    if node.version < 11:
        return Converted(Clip(node.attribute("min"), node.attribute("max")), node.inputs[:1])
    fixed: dict[str, float | None] = {"low": None, "high": None}
    computed: dict[str, str] = {}
    for position, side in ((1, "low"), (2, "high")):
        if node.is_constant(position):
            array = node.constant(position)
            fixed[side] = None if array is None else float(array.item())
        elif node.has_input(position):
            computed[side] = node.inputs[position]
    return Converted(Clip(fixed["low"], fixed["high"], tuple(computed)), (node.inputs[0], *computed.values()))


def _softmax(node: Node) -> Converted:
    together = node.version < 13
    axis = int(node.attribute("axis", 1 if together else -1))
    return Converted(Softmax(axis, together, log=node.op == "LogSoftmax"), node.inputs)


def _gelu(node: Node) -> Converted:
    return Converted(nn.GELU(approximate=str(node.attribute("approximate", "none"))), node.inputs)


CONVERTERS: dict[str, Converter] = {
    "Clip": _clip,
    "Gelu": _gelu,
    "Mish": elementwise(nn.Mish),
    "PRelu": lambda node: Converted(PRelu(), node.inputs),
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "Swish": lambda node: Converted(Swish(float(node.attribute("alpha", 1.0))), node.inputs),
}
