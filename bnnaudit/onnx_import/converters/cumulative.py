"""Operators that go along one axis: where its extremum is, its running sums and products."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.torch_types import for_unsigned, signed
from bnnaudit.onnx_import.operands import call, numbers


def extremum(values: Tensor, greatest: bool, axis: int, keepdims: bool, last: bool) -> Tensor:
    """The place of the greatest or the least value of an axis: the first of equal ones, or the last.

    (...) -> int64, the axis with size 1 or, without `keepdims`, gone.
    """
    values = signed(values)
    if values.dtype == torch.bool:
        values = values.to(torch.uint8)
    if last:
        values = values.flip(axis)
    find = torch.argmax if greatest else torch.argmin
    places = find(values, dim=axis, keepdim=keepdims)
    return values.shape[axis] - 1 - places if last else places


@for_unsigned
def cumulate(values: Tensor, axes: list[int] | None, product: bool, exclusive: bool, backward: bool) -> Tensor:
    """Sums or products of the values up to each one of an axis, itself left out with `exclusive`, from the end `backward`.

    (...) -> (...) of the same type.
    """
    (axis,) = axes or [0]
    if backward:
        values = values.flip(axis)
    if exclusive:
        first = torch.full_like(values.narrow(axis, 0, 1), 1 if product else 0)
        values = torch.cat([first, values.narrow(axis, 0, values.shape[axis] - 1)], dim=axis)
    result = (torch.cumprod if product else torch.cumsum)(values, dim=axis, dtype=values.dtype)
    return result.flip(axis) if backward else result


def arg_extremum(node: Node) -> Converted:
    """ArgMax, ArgMin."""
    settings = {"axis": int(node.attribute("axis", 0)), "keepdims": node.flag("keepdims", 1)}
    return call(extremum, node.inputs, **settings, greatest=node.op == "ArgMax", last=node.flag("select_last_index"))


def cumulative(node: Node) -> Converted:
    """CumSum, CumProd."""
    settings = {"exclusive": node.flag("exclusive"), "backward": node.flag("reverse")}
    return call(cumulate, node.inputs[:1], numbers(node, 1), **settings, product=node.op == "CumProd")
