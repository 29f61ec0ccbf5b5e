"""Parts of a tensor, and a tensor with margins: Slice, Split, Pad."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.operators.conversion import Converted, Converter, Node


class Slice(nn.Module):
    """Every step-th value of an axis from start to end, for several axes; a negative step goes backwards.

    The bounds are fixed, or computed where they are None.
    """

    def __init__(self, bounds: tuple[list[int] | None, ...]) -> None:
        super().__init__()
        self.bounds = bounds

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> the same number of axes."""
        given = iter(computed)
        lists = [bound if bound is not None else [int(value) for value in next(given)] for bound in self.bounds]
        starts, ends, axes, steps = lists
        for start, end, axis, step in zip(
            starts, ends, axes or range(len(starts)), steps or [1] * len(starts), strict=True
        ):
            first, last, stride = slice(start, end, step).indices(values.shape[axis])
            if stride > 0:
                index = [slice(None)] * (axis % values.dim()) + [slice(first, last, stride)]
                values = values[tuple(index)]
            else:
                positions = torch.arange(first, last, stride, device=values.device)
                values = values.index_select(axis, positions)
        return values


class Split(nn.Module):
    """Into parts of given sizes, or into `parts` equal ones of which the last may be smaller."""

    def __init__(self, axis: int, sizes: list[int] | None, parts: int) -> None:
        super().__init__()
        self.axis = axis
        self.sizes = sizes
        self.parts = parts

    def forward(self, values: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(...) -> the parts; a single part is the tensor itself."""
        size = -(-values.shape[self.axis] // self.parts)
        split: tuple[Tensor, ...] = torch.split(values, self.sizes or size, dim=self.axis)
        return split[0] if self.parts == 1 else split


class Pad(nn.Module):
    """With margins of `before` and `after` on each of `axes` (a negative one cuts off).

    mode: constant, reflect, edge or wrap, as ONNX names them.
    """

    def __init__(self, margins: dict[int, tuple[int, int]], mode: str, value: float) -> None:
        super().__init__()
        self.margins = margins
        self.mode = mode
        self.value = value

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> the same number of axes."""
        for axis, (before, after) in self.margins.items():
            size, place = values.shape[axis], axis % values.dim()
            if self.mode == "constant":
                pads = [0, 0] * (values.dim() - place - 1) + [before, after]
                values = functional.pad(values, pads, value=self.value)
            else:
                positions = torch.arange(-before, size + after, device=values.device)
                values = values.index_select(place, _inside(positions, size, self.mode))
        return values


def _inside(positions: Tensor, size: int, mode: str) -> Tensor:
    """Where to read the values for positions (K,) that lie partly outside of 0..size-1."""
    if mode == "edge":
        return positions.clamp(0, size - 1)
    if mode == "wrap":
        return positions % size
    period = max(2 * (size - 1), 1)
    folded = positions % period
    return torch.where(folded < size, folded, period - folded)


def _slice(node: Node) -> Converted:
    if node.version < 10:
        attributes = (node.attribute("starts"), node.attribute("ends"), node.attribute("axes"), None)
        return Converted(Slice(tuple(list(bound or []) for bound in attributes)), node.inputs[:1])
    bounds: list[list[int] | None] = []
    computed: list[str] = []
    for position in range(1, 5):
        if not node.has_input(position):
            bounds.append([])
        elif node.is_constant(position):
            bounds.append(node.integers(position))
        else:
            bounds.append(None)
            computed.append(node.inputs[position])
    return Converted(Slice(tuple(bounds)), (node.inputs[0], *computed))


def _split(node: Node) -> Converted:
    sizes = node.integers(1, "split")
    return Converted(Split(int(node.attribute("axis", 0)), sizes, len(node.outputs)), node.inputs[:1])


def _pad(node: Node) -> Converted:
    mode = str(node.attribute("mode", "constant"))
    if mode not in ("constant", "reflect", "edge", "wrap"):
        raise NotImplementedError(f"padding mode {mode!r}")
    pads = node.integers(1, "pads" if node.version > 1 else "paddings") or []
    axes = node.integers(3) if node.has_input(3) else list(range(len(pads) // 2))
    margins = {axis: (pads[i], pads[i + len(pads) // 2]) for i, axis in enumerate(axes or [])}
    value: Any = node.attribute("value") if node.version < 11 else node.constant(2)
    fill = 0.0 if value is None else float(value)
    return Converted(Pad({a: m for a, m in margins.items() if m != (0, 0)}, mode, fill), node.inputs[:1])


CONVERTERS: dict[str, Converter] = {"Slice": _slice, "Split": _split, "Pad": _pad}
