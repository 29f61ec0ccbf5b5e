"""Mathematical functions of one operand, without settings or with few: Abs to Tanh, Not, IsNaN, IsInf, Erf."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.torch_types import for_unsigned
from bnnaudit.onnx_import.operands import call

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


def is_infinite(values: Tensor, negative: bool, positive: bool) -> Tensor:
    """(...) -> (...) of truth values: where values are infinite, of one sign or both."""
    below, above = torch.isneginf(values), torch.isposinf(values)
    if negative and positive:
        return below | above
    nowhere = torch.zeros_like(values, dtype=torch.bool)
    return below if negative else above if positive else nowhere


def function(node: Node) -> Converted:
    """One of `FUNCTIONS`."""
    return call(for_unsigned(FUNCTIONS[node.op]), node.inputs[:1])


def infinite(node: Node) -> Converted:
    """IsInf."""
    negative, positive = node.flag("detect_negative", 1), node.flag("detect_positive", 1)
    return call(is_infinite, node.inputs, negative=negative, positive=positive)
