"""Mathematical functions of one operand, without settings or with few: Abs to Tanh, Not, IsNaN, IsInf, Erf."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.unsigned import through_signed

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "Abs": torch.abs,
    "Acos": torch.acos,
    "Acosh": torch.acosh,
    "Asin": torch.asin,
    "Asinh": torch.asinh,
    "Atan": torch.atan,
    "Atanh": torch.atanh,
    "BitwiseNot": torch.bitwise_not,
    "Cos": torch.cos,
    "Cosh": torch.cosh,
    "Erf": torch.erf,
    "Exp": torch.exp,
    "IsNaN": torch.isnan,
    "Log": torch.log,
    "Neg": torch.neg,
    "Not": torch.logical_not,
    "Reciprocal": torch.reciprocal,
    "Relu": torch.relu,
    "Sigmoid": torch.sigmoid,
    "Sin": torch.sin,
    "Sinh": torch.sinh,
    "Sqrt": torch.sqrt,
    "Tan": torch.tan,
    "Tanh": torch.tanh,
}


class Function(nn.Module):
    """One of `FUNCTIONS`."""

    def __init__(self, op: str) -> None:
        super().__init__()
        self.op = op

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        return through_signed(FUNCTIONS[self.op])(values)

    def extra_repr(self) -> str:
        """For people: the operator."""
        return self.op


class IsInfinite(nn.Module):
    """Where values are infinite, of one sign or both."""

    def __init__(self, negative: bool, positive: bool) -> None:
        super().__init__()
        self.negative = negative
        self.positive = positive

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...) of truth values."""
        below, above = torch.isneginf(values), torch.isposinf(values)
        if self.negative and self.positive:
            return below | above
        nowhere = torch.zeros_like(values, dtype=torch.bool)
        return below if self.negative else above if self.positive else nowhere


def _function(node: Node) -> Converted:
    return Converted(Function(node.op), node.inputs[:1])


def _is_infinite(node: Node) -> Converted:
    sides = bool(node.attribute("detect_negative", 1)), bool(node.attribute("detect_positive", 1))
    return Converted(IsInfinite(*sides), node.inputs)


CONVERTERS: dict[str, Converter] = {**dict.fromkeys(FUNCTIONS, _function), "IsInf": _is_infinite}
