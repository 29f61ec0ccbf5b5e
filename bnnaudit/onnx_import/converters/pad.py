"""Pad: a tensor with margins."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.operands import Operands, call, fixed_numbers, numbers, operands

MODES = ("constant", "reflect", "edge", "wrap")


def pad(values: Tensor, pads: list[int] | None, axes: list[int] | None, fill: Tensor | None, mode: str) -> Tensor:
    """(...) -> the same number of axes, with margins before and after them (a negative one cuts off).

    pads: all margins before, then all after. axes: those that they are for, all where None. mode: as ONNX names them.
    fill: the constant's value, 0 where None.
    """
    pads = pads or []
    half = len(pads) // 2
    sides = {
        axis % values.dim(): (pads[i], pads[i + half])
        for i, axis in enumerate(range(half) if axes is None else axes)
        if (pads[i], pads[i + half]) != (0, 0)
    }
    if not sides:
        return values
    if mode == "constant":
        return _filled(values, sides, fill)
    for axis, (before, after) in sides.items():
        positions = torch.arange(-before, values.shape[axis] + after, device=values.device)
        values = values.index_select(axis, _inside(positions, values.shape[axis], mode))
    return values


def _filled(values: Tensor, sides: dict[int, tuple[int, int]], fill: Tensor | None) -> Tensor:
    pads = [pad for axis in reversed(range(min(sides), values.dim())) for pad in sides.get(axis, (0, 0))]
    if fill is None:
        return functional.pad(values, pads)
    inside = functional.pad(torch.ones_like(values, dtype=torch.uint8), pads).bool()
    return torch.where(inside, functional.pad(values, pads), fill.reshape(()).to(values.dtype))


def _inside(positions: Tensor, size: int, mode: str) -> Tensor:
    """Where to read the values for positions (K,) that lie partly outside of 0..size-1."""
    if mode == "edge":
        return positions.clamp(0, size - 1)
    if mode == "wrap":
        return positions % size
    period = max(2 * (size - 1), 1)
    folded = positions % period
    return torch.where(folded < size, folded, period - folded)


def padding(node: Node) -> Converted:
    """Pad-1 to 25."""
    mode = str(node.attribute("mode", "constant"))
    if mode not in MODES:
        raise NotImplementedError(f"padding mode {mode!r}")
    if node.version >= 11:
        return call(pad, node.inputs[:1], numbers(node, 1, 3), operands(node, 2), mode=mode)
    margins = fixed_numbers(node.attribute("pads" if node.version > 1 else "paddings"), None)
    value = float(node.attribute("value", 0.0))
    fill = Operands([torch.tensor(value) if value else None])
    return call(pad, node.inputs[:1], margins, (fill, ()), mode=mode)
