"""Operators that give on what they take: Identity, Dropout at inference, and Trilu, which gives on a triangle."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node, elementwise
from bnnaudit.onnx_import.converters.unsigned import through_signed
from bnnaudit.onnx_import.operands import Numbers, numbers


class Kept(nn.Module):
    """All values, and a mask that says so: a Dropout that drops nothing."""

    def __init__(self, mask_of_values: bool) -> None:
        super().__init__()
        self.mask_of_values = mask_of_values

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """(...) -> the values and the mask (...): truth values or, in old versions, ones of the values' type."""
        kind = values.dtype if self.mask_of_values else torch.bool
        return values, torch.ones_like(values, dtype=kind)


class Triangle(nn.Module):
    """The upper or lower triangle of matrices, up to a diagonal that is fixed or computed; zeros elsewhere."""

    def __init__(self, upper: bool, diagonal: Numbers) -> None:
        super().__init__()
        self.upper = upper
        self.diagonal = diagonal

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(..., R, C) -> (..., R, C)."""
        (stated,) = self.diagonal.whole(computed)
        offset = stated[0] if stated else 0
        return through_signed(lambda x: torch.triu(x, offset) if self.upper else torch.tril(x, offset))(values)


def _dropout(node: Node) -> Converted:
    training = node.constant(2)
    if training is not None and bool(training):
        ratio = node.constant(1)
        if ratio is None or float(ratio) != 0:
            raise NotImplementedError("a Dropout that drops values at inference")
    if len(node.outputs) == 1:
        return Converted(nn.Identity(), node.inputs[:1])
    return Converted(Kept(mask_of_values=node.version < 10), node.inputs[:1])


def _triangle(node: Node) -> Converted:
    diagonal, computed = numbers(node, 1)
    return Converted(Triangle(bool(node.attribute("upper", 1)), diagonal), (node.inputs[0], *computed))


CONVERTERS: dict[str, Converter] = {
    "Dropout": _dropout,
    "Identity": elementwise(nn.Identity),
    "Trilu": _triangle,
}
