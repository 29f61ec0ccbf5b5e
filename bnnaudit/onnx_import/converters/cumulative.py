"""Operators that go along one axis: where its extremum is, its running sums and products."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.unsigned import signed, through_signed
from bnnaudit.onnx_import.operands import Numbers, numbers


class Extremum(nn.Module):
    """The place of the greatest or the least value of an axis: the first of equal ones, or the last."""

    def __init__(self, greatest: bool, axis: int, keepdims: bool, last: bool) -> None:
        super().__init__()
        self.greatest = greatest
        self.axis = axis
        self.keepdims = keepdims
        self.last = last

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> int64, the axis with size 1 or, without `keepdims`, gone."""
        values = signed(values)
        if values.dtype == torch.bool:
            values = values.to(torch.uint8)
        if self.last:
            values = values.flip(self.axis)
        find = torch.argmax if self.greatest else torch.argmin
        places = find(values, dim=self.axis, keepdim=self.keepdims)
        return values.shape[self.axis] - 1 - places if self.last else places


class Running(nn.Module):
    """Sums or products of the values up to each one of an axis, itself left out with `exclusive`, from the end `backward`."""

    def __init__(self, product: bool, axis: Numbers, exclusive: bool, backward: bool) -> None:
        super().__init__()
        self.product = product
        self.axis = axis
        self.exclusive = exclusive
        self.reversed = backward

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> (...) of the same type."""
        ((axis,),) = (numbers or [0] for numbers in self.axis.whole(computed))
        return through_signed(lambda x: self._along(x, axis))(values)

    def _along(self, values: Tensor, axis: int) -> Tensor:
        if self.reversed:
            values = values.flip(axis)
        if self.exclusive:
            first = torch.full_like(values.narrow(axis, 0, 1), 1 if self.product else 0)
            values = torch.cat([first, values.narrow(axis, 0, values.shape[axis] - 1)], dim=axis)
        run = torch.cumprod if self.product else torch.cumsum
        result = run(values, dim=axis, dtype=values.dtype)
        return result.flip(axis) if self.reversed else result


def _extremum(node: Node) -> Converted:
    axis, keepdims = int(node.attribute("axis", 0)), bool(node.attribute("keepdims", 1))
    last = bool(node.attribute("select_last_index", 0))
    return Converted(Extremum(node.op == "ArgMax", axis, keepdims, last), node.inputs)


def _running(node: Node) -> Converted:
    axis, computed = numbers(node, 1)
    exclusive, backward = bool(node.attribute("exclusive", 0)), bool(node.attribute("reverse", 0))
    return Converted(Running(node.op == "CumProd", axis, exclusive, backward), (node.inputs[0], *computed))


CONVERTERS: dict[str, Converter] = {
    "ArgMax": _extremum,
    "ArgMin": _extremum,
    "CumProd": _running,
    "CumSum": _running,
}
