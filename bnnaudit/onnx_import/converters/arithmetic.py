"""Elementwise operators of two operands or more, broadcast against each other: sums, products, extrema, bits, comparisons.

Add, Sub, Mul, Div, Pow, And, Or, Xor, Equal, Greater and Less of versions before 7 broadcast from a stated axis on.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.unsigned import through_signed

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


def _mean(*operands: Tensor) -> Tensor:
    return _sum(*operands) / len(operands)


def _sum(*operands: Tensor) -> Tensor:
    return reduce(torch.add, operands)


def _maximum(*operands: Tensor) -> Tensor:
    return reduce(torch.maximum, operands)


def _minimum(*operands: Tensor) -> Tensor:
    return reduce(torch.minimum, operands)


FUNCTIONS: dict[str, Function] = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": _quotient,
    "Pow": _power,
    "Mod": torch.remainder,
    "Fmod": torch.fmod,
    "Max": _maximum,
    "Min": _minimum,
    "Mean": _mean,
    "Sum": _sum,
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


class Elementwise(nn.Module):
    """One of `FUNCTIONS`; with `axis` the second operand's axes lie along the first's from there on."""

    def __init__(self, op: str, axis: int | None = None) -> None:
        super().__init__()
        self.op = op
        self.axis = axis

    def forward(self, *operands: Tensor) -> Tensor:
        """Shapes that broadcast -> the broadcast shape; comparisons give truth values, all others the first's type."""
        if self.axis is not None:
            first, second = operands
            missing = first.dim() - self.axis % max(first.dim(), 1) - second.dim()
            operands = (first, second.reshape(*second.shape, *[1] * missing))
        return through_signed(FUNCTIONS[self.op])(*operands)

    def extra_repr(self) -> str:
        """For people: the operator."""
        return self.op


class Where(nn.Module):
    """One of two values, as a condition says."""

    def forward(self, condition: Tensor, held: Tensor, otherwise: Tensor) -> Tensor:
        """Shapes that broadcast -> the broadcast shape."""
        return torch.where(condition, held, otherwise)


def _elementwise(node: Node) -> Converted:
    axis = None
    if node.version < FIRST_BROADCASTING_VERSION and node.attribute("broadcast", 0):
        axis = node.attribute("axis")
    op = "Fmod" if node.op == "Mod" and node.attribute("fmod", 0) else node.op
    return Converted(Elementwise(op, None if axis is None else int(axis)), node.inputs)


CONVERTERS: dict[str, Converter] = {
    **{op: _elementwise for op in FUNCTIONS if op != "Fmod"},
    "Where": lambda node: Converted(Where(), node.inputs),
}
