"""Unsigned types of 16 to 64 bits, which torch stores but hardly computes with: computed in int64 and converted back."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

UNSIGNED = frozenset({torch.uint16, torch.uint32, torch.uint64})


def signed(values: Tensor) -> Tensor:
    """The same numbers in a type that torch computes with; exact below 2^63, above it the bits are kept."""
    return values.to(torch.int64) if values.dtype in UNSIGNED else values


def through_signed(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function for operands of any type: a whole-number result has the first operand's unsigned type again."""

    def computed(*operands: Tensor | None) -> Tensor:
        kind = next((operand.dtype for operand in operands if operand is not None and operand.dtype in UNSIGNED), None)
        if kind is None:
            return function(*operands)
        result = function(*(operand if operand is None else signed(operand) for operand in operands))
        return result.to(kind) if result.dtype == torch.int64 else result

    return computed
