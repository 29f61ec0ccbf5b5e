"""Elementwise operators of two operands or more, broadcast against each other: sums, products, extrema, bits, comparisons.

Add, Sub, Mul, Div, Pow, And, Or, Xor, Equal, Greater and Less of versions before 7 broadcast from a stated axis on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.torch_types import for_unsigned
from bnnaudit.onnx_import.operands import call

Function = Callable[..., Tensor]

FIRST_BROADCASTING_VERSION = 7


def _quotient(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Whole numbers divide towards zero."""
    if numerator.is_floating_point():
        return numerator / denominator
    return torch.div(numerator, denominator, rounding_mode="trunc")


def _power(base: Tensor, exponent: Tensor) -> Tensor:
    """The result has the base's type, whatever the exponent's."""
    if exponent.is_floating_point() and not base.is_floating_point():
        return torch.pow(base.double(), exponent).to(base.dtype)
    return torch.pow(base, exponent).to(base.dtype)


def _of_all(function: Function) -> Function:
    """A function of two operands, from the first to the last of many."""
    return lambda *operands: reduce(function, operands)


FUNCTIONS: dict[str, Function] = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": _quotient,
    "Pow": _power,
    "Mod": torch.remainder,
    "Fmod": torch.fmod,
    "Max": _of_all(torch.maximum),
    "Min": _of_all(torch.minimum),
    "Mean": lambda *operands: reduce(torch.add, operands) / len(operands),
    "Sum": _of_all(torch.add),
    "And": torch.logical_and,
    "Or": torch.logical_or,
    "Xor": torch.logical_xor,
    "Equal": torch.eq,
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
    "BitwiseAnd": torch.bitwise_and,
    "BitwiseOr": torch.bitwise_or,
    "BitwiseXor": torch.bitwise_xor,
}


def aligned(first: Tensor, second: Tensor, function: Function, axis: int) -> Tensor:
    """The function of two operands, the second's axes lying along the first's from a stated one on."""
    missing = first.dim() - axis % max(first.dim(), 1) - second.dim()
    return function(first, second.reshape(*second.shape, *[1] * missing))


def elementwise(node: Node) -> Converted:
    """One of `FUNCTIONS` on shapes that broadcast; comparisons give truth values, all others the first operand's type."""
    function = for_unsigned(FUNCTIONS["Fmod" if node.op == "Mod" and node.flag("fmod") else node.op])
    axis = node.attribute("axis")
    if axis is None or node.version >= FIRST_BROADCASTING_VERSION or not node.flag("broadcast"):
        return call(function, node.inputs)
    return call(aligned, node.inputs, function=function, axis=int(axis))
