"""New shapes for the same values: Reshape, Flatten, Squeeze, Unsqueeze, Expand, Tile; and a tensor's own shape."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.operands import Numbers, fixed_numbers, numbers


class Shaping(nn.Module):
    """Base of the operators that take one list of whole numbers, fixed or computed; `numbers` holds it."""

    def __init__(self, lists: Numbers) -> None:
        super().__init__()
        self.numbers = lists

    def list_of(self, computed: tuple[Tensor, ...]) -> list[int] | None:
        """The list; None where it was left out."""
        return self.numbers.whole(computed)[0]

    def extra_repr(self) -> str:
        """For people: the list."""
        return f"{self.numbers!r}"


class Reshape(Shaping):
    """Reshape-1 to 25: to a shape; 0 copies an axis unless `allow_zero`, -1 is what is left."""

    def __init__(self, lists: Numbers, allow_zero: bool) -> None:
        super().__init__(lists)
        self.allow_zero = allow_zero

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> (target)."""
        target = self.list_of(computed) or []
        if not self.allow_zero:
            target = [values.shape[axis] if size == 0 else size for axis, size in enumerate(target)]
        return values.reshape(target)


class Flatten(nn.Module):
    """Flatten-1 to 25: to a matrix; the axes before `axis` become rows, those from it on columns."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (rows, columns)."""
        axis = self.axis + values.dim() if self.axis < 0 else self.axis
        return values.reshape(math.prod(values.shape[:axis]), math.prod(values.shape[axis:]))


class Squeeze(Shaping):
    """Squeeze-1 to 25: without the given axes, or without every axis of size 1."""

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> fewer axes."""
        axes = self.list_of(computed)
        if not axes:
            return values.squeeze()
        gone = {axis % values.dim() for axis in axes}
        return values.reshape([size for axis, size in enumerate(values.shape) if axis not in gone])


class Unsqueeze(Shaping):
    """Unsqueeze-1 to 25: with axes of size 1 put in, which are counted in the result."""

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> more axes."""
        axes = self.list_of(computed) or []
        rank = values.dim() + len(axes)
        for axis in sorted(axis % rank for axis in axes):
            values = torch.unsqueeze(values, axis)
        return values


class Expand(Shaping):
    """Expand-8, 13: repeated along axes of size 1 to a shape, which may itself have 1 where the values have more."""

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> the broadcast shape."""
        target = self.list_of(computed) or []
        own = [1] * (len(target) - values.dim()) + list(values.shape)
        target = [1] * (len(own) - len(target)) + target
        return values.expand([size if wanted == 1 else wanted for size, wanted in zip(own, target, strict=True)])


class Tile(Shaping):
    """Tile-6, 13: repeated along each axis."""

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> the same number of axes."""
        return values.repeat(self.list_of(computed) or [])


class TileAxis(Shaping):
    """Tile-1: repeated along one axis; the list holds how often, and the axis."""

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> the same number of axes."""
        (tiles,), (axis,) = (values or [0] for values in self.numbers.whole(computed))
        repeats = [1] * values.dim()
        repeats[axis] = tiles
        return values.repeat(repeats)


class Shape(nn.Module):
    """Shape-1 to 25: the sizes of the axes from `start` up to `end`, both clamped to the axes that there are."""

    def __init__(self, start: int, end: int | None) -> None:
        super().__init__()
        self.start = start
        self.end = end

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (axes,) int64."""
        sizes = list(values.shape)[self.start : self.end]
        return torch.tensor(sizes, dtype=torch.int64, device=values.device)


class Size(nn.Module):
    """Size-1 to 25: the number of values."""

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> () int64."""
        return torch.tensor(values.numel(), dtype=torch.int64, device=values.device)


class Transpose(nn.Module):
    """Transpose-1 to 25: the axes in another order, reversed where none is given."""

    def __init__(self, order: list[int] | None) -> None:
        super().__init__()
        self.order = order

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> the same values, axes permuted."""
        return values.permute(self.order if self.order is not None else list(reversed(range(values.dim()))))

    def extra_repr(self) -> str:
        """For people: the order."""
        return f"{self.order}"


class BlockMove(nn.Module):
    """DepthToSpace-1 to 28, SpaceToDepth-1 to 28: blocks of channels become blocks of the image, or back (`gather`).

    With `depth_first` a channel number counts (row in block, column in block, channel), else (channel, row, column).
    """

    def __init__(self, block: int, depth_first: bool, gather: bool) -> None:
        super().__init__()
        self.block = block
        self.depth_first = depth_first
        self.gather = gather

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C / block^2, H block, W block), or the other way round."""
        images, channels, height, width = values.shape
        block = self.block
        if self.gather:
            split = values.reshape(images, channels, height // block, block, width // block, block)
            order = (0, 3, 5, 1, 2, 4) if self.depth_first else (0, 1, 3, 5, 2, 4)
            return split.permute(order).reshape(images, channels * block**2, height // block, width // block)
        fewer = channels // block**2
        blocks = (block, block, fewer) if self.depth_first else (fewer, block, block)
        split = values.reshape(images, *blocks, height, width)
        order = (0, 3, 4, 1, 5, 2) if self.depth_first else (0, 1, 4, 2, 5, 3)
        return split.permute(order).reshape(images, fewer, height * block, width * block)


def _reshape(node: Node) -> Converted:
    allow_zero = bool(node.attribute("allowzero", 0))
    stated = node.attribute("shape")
    lists, names = (fixed_numbers(stated), ()) if stated is not None else numbers(node, 1)
    return Converted(Reshape(lists, allow_zero), (node.inputs[0], *names))


def _with_axes(module: type[Shaping]) -> Converter:
    """The converter of an operator whose axes are an attribute before version 13, and an input since."""

    def convert(node: Node) -> Converted:
        stated = node.attribute("axes")
        lists, names = (fixed_numbers(stated), ()) if stated is not None else numbers(node, 1)
        return Converted(module(lists), (node.inputs[0], *names))

    return convert


def _with_list(module: type[Shaping]) -> Converter:
    """The converter of an operator that takes its list as an input."""

    def convert(node: Node) -> Converted:
        lists, names = numbers(node, 1)
        return Converted(module(lists), (node.inputs[0], *names))

    return convert


def _tile(node: Node) -> Converted:
    if node.version >= 6:
        return _with_list(Tile)(node)
    lists, names = numbers(node, 1, 2)
    return Converted(TileAxis(lists), (node.inputs[0], *names))


def _shape(node: Node) -> Converted:
    return Converted(Shape(int(node.attribute("start", 0)), node.attribute("end")), node.inputs[:1])


def _block_move(node: Node) -> Converted:
    depth_first = str(node.attribute("mode", "DCR")) == "DCR"
    gather = node.op == "SpaceToDepth"
    return Converted(BlockMove(int(node.attribute("blocksize")), depth_first, gather), node.inputs[:1])


CONVERTERS: dict[str, Converter] = {
    "Reshape": _reshape,
    "Flatten": lambda node: Converted(Flatten(int(node.attribute("axis", 1))), node.inputs[:1]),
    "Squeeze": _with_axes(Squeeze),
    "Unsqueeze": _with_axes(Unsqueeze),
    "Expand": _with_list(Expand),
    "Tile": _tile,
    "Shape": _shape,
    "Size": lambda node: Converted(Size(), node.inputs[:1]),
    "Transpose": lambda node: Converted(Transpose(node.attribute("perm")), node.inputs[:1]),
    "DepthToSpace": _block_move,
    "SpaceToDepth": _block_move,
}
