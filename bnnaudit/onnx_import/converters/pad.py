"""Pad: a tensor with margins."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.operands import Numbers, Operands, fixed_numbers, numbers, operands

MODES = ("constant", "reflect", "edge", "wrap")


class Pad(nn.Module):
    """Pad-1 to 25: margins before and after axes (a negative one cuts off).

    margins: the list of all margins before, then all after, and the axes that they are for (all where missing). mode: as
    ONNX names them. fill: the constant's value, 0 where missing.
    """

    def __init__(self, margins: Numbers, mode: str, fill: Operands) -> None:
        super().__init__()
        self.margins = margins
        self.mode = mode
        self.fill = fill

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> the same number of axes; computed margins and axes come before a computed fill."""
        count = sum(self.margins.computed)
        pads, axes = self.margins.whole(computed[:count])
        pads = pads or []
        half = len(pads) // 2
        sides = {
            axis % values.dim(): (pads[i], pads[i + half])
            for i, axis in enumerate(range(half) if axes is None else axes)
            if (pads[i], pads[i + half]) != (0, 0)
        }
        if not sides:
            return values
        if self.mode == "constant":
            (fill,) = self.fill(*computed[count:])
            return _filled(values, sides, fill)
        for axis, (before, after) in sides.items():
            positions = torch.arange(-before, values.shape[axis] + after, device=values.device)
            values = values.index_select(axis, _inside(positions, values.shape[axis], self.mode))
        return values

    def extra_repr(self) -> str:
        """For people: the margins and the mode."""
        return f"{self.margins!r}, mode={self.mode!r}"


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


def _pad(node: Node) -> Converted:
    mode = str(node.attribute("mode", "constant"))
    if mode not in MODES:
        raise NotImplementedError(f"padding mode {mode!r}")
    if node.version >= 11:
        margins, names = numbers(node, 1, 3)
        fill, filling = operands(node, 2)
        return Converted(Pad(margins, mode, fill), (node.inputs[0], *names, *filling))
    margins = fixed_numbers(node.attribute("pads" if node.version > 1 else "paddings"), None)
    value = float(node.attribute("value", 0.0))
    stored = [torch.tensor(value)] if value else [None]
    return Converted(Pad(margins, mode, Operands(stored, ["stored" if value else "missing"])), node.inputs[:1])


CONVERTERS: dict[str, Converter] = {"Pad": _pad}
