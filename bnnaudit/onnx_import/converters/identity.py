"""Operators that return what they take: Dropout at inference, and Trilu, which returns a triangle of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.torch_types import for_unsigned
from bnnaudit.onnx_import.operands import call, numbers


def with_mask(values: Tensor, mask_of_values: bool) -> tuple[Tensor, Tensor]:
    """(...) -> the values and the mask (...) of a Dropout that drops nothing: truth values or, before version 10, ones."""
    kind = values.dtype if mask_of_values else torch.bool
    return values, torch.ones_like(values, dtype=kind)


def triangle(values: Tensor, diagonal: list[int] | None, upper: bool) -> Tensor:
    """(..., R, C) -> (..., R, C), the upper or lower triangle up to a diagonal, zeros elsewhere."""
    return for_unsigned(torch.triu if upper else torch.tril)(values, diagonal=diagonal[0] if diagonal else 0)


def dropout(node: Node) -> Converted:
    """Dropout, at inference."""
    training = node.constant(2)
    if training is not None and bool(training):
        ratio = node.constant(1)
        if ratio is None or float(ratio) != 0:
            raise NotImplementedError("a Dropout that drops values at inference")
    if len(node.outputs) == 1:
        return Converted(nn.Identity(), node.inputs[:1])
    return call(with_mask, node.inputs[:1], mask_of_values=node.version < 10)


def trilu(node: Node) -> Converted:
    """Trilu."""
    return call(triangle, node.inputs[:1], numbers(node, 1), upper=node.flag("upper", 1))
