"""New shapes for the same values: Reshape, Flatten, Squeeze, Unsqueeze, Expand, Tile; and a tensor's own shape."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.operands import call, numbers, stated_or_given


def reshape(values: Tensor, target: list[int] | None, allow_zero: bool) -> Tensor:
    """(...) -> (target); 0 copies an axis unless `allow_zero`, -1 is what is left."""
    target = target or []
    if not allow_zero:
        target = [values.shape[axis] if size == 0 else size for axis, size in enumerate(target)]
    return values.reshape(target)


def flatten(values: Tensor, axis: int) -> Tensor:
    """(...) -> (rows, columns): the axes before `axis` become rows, those from it on columns."""
    axis = axis + values.dim() if axis < 0 else axis
    return values.reshape(math.prod(values.shape[:axis]), math.prod(values.shape[axis:]))


def squeeze(values: Tensor, axes: list[int] | None) -> Tensor:
    """(...) -> fewer axes: without the given ones, or without every one of size 1."""
    if not axes:
        return values.squeeze()
    gone = {axis % values.dim() for axis in axes}
    return values.reshape([size for axis, size in enumerate(values.shape) if axis not in gone])


def unsqueeze(values: Tensor, axes: list[int] | None) -> Tensor:
    """(...) -> more axes: those of size 1 that are put in are counted in the result."""
    axes = axes or []
    rank = values.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        values = torch.unsqueeze(values, axis)
    return values


def expand(values: Tensor, target: list[int] | None) -> Tensor:
    """(...) -> the broadcast shape: repeated along axes of size 1 to a shape, which may have 1 where the values have more."""
    return values.expand(torch.broadcast_shapes(values.shape, target or []))  # type: ignore[no-untyped-call]


def tile(values: Tensor, repeats: list[int] | None) -> Tensor:
    """(...) -> the same number of axes, each repeated."""
    return values.repeat(repeats or [])


def tile_axis(values: Tensor, tiles: list[int] | None, axes: list[int] | None) -> Tensor:
    """(...) -> the same number of axes, one of them repeated: how often, and which axis (Tile-1)."""
    (count,), (axis,) = tiles or [0], axes or [0]
    repeats = [1] * values.dim()
    repeats[axis] = count
    return values.repeat(repeats)


def shape(values: Tensor, start: int, end: int | None) -> Tensor:
    """(...) -> (axes,) int64: the sizes of the axes from `start` up to `end`, both clamped to the axes that there are."""
    return torch.tensor(list(values.shape)[start:end], dtype=torch.int64, device=values.device)


def size(values: Tensor) -> Tensor:
    """(...) -> () int64, the number of values."""
    return torch.tensor(values.numel(), dtype=torch.int64, device=values.device)


def transpose(values: Tensor, order: list[int] | None) -> Tensor:
    """(...) -> the same values with the axes in another order, reversed where none is given."""
    return values.permute(order if order is not None else list(reversed(range(values.dim()))))


def blocks_to_image(values: Tensor, block: int, depth_first: bool) -> Tensor:
    """(N, C, H, W) -> (N, C / block^2, H block, W block): blocks of channels become blocks of the image.

    With `depth_first` a channel number counts (row in block, column in block, channel), else (channel, row, column).
    """
    images, channels, height, width = values.shape
    fewer = channels // block**2
    blocks = (block, block, fewer) if depth_first else (fewer, block, block)
    split = values.reshape(images, *blocks, height, width)
    order = (0, 3, 4, 1, 5, 2) if depth_first else (0, 1, 4, 2, 5, 3)
    return split.permute(order).reshape(images, fewer, height * block, width * block)


def blocks_to_depth(values: Tensor, block: int, depth_first: bool) -> Tensor:
    """(N, C, H, W) -> (N, C block^2, H / block, W / block), the other way round."""
    images, channels, height, width = values.shape
    split = values.reshape(images, channels, height // block, block, width // block, block)
    order = (0, 3, 5, 1, 2, 4) if depth_first else (0, 1, 3, 5, 2, 4)
    return split.permute(order).reshape(images, channels * block**2, height // block, width // block)


def with_list(function: Callable[..., Tensor], attribute: str) -> Converter:
    """The converter of an operator that takes one list: an input or, in old versions of some, an attribute."""
    return lambda node: call(function, node.inputs[:1], stated_or_given(node, attribute))


def reshaping(node: Node) -> Converted:
    """Reshape-1 to 25."""
    return call(reshape, node.inputs[:1], stated_or_given(node, "shape"), allow_zero=node.flag("allowzero"))


def tiling(node: Node) -> Converted:
    """Tile-1 to 13."""
    if node.version >= 6:
        return call(tile, node.inputs[:1], numbers(node, 1))
    return call(tile_axis, node.inputs[:1], numbers(node, 1, 2))


def shape_of(node: Node) -> Converted:
    """Shape-1 to 25."""
    return call(shape, node.inputs[:1], start=int(node.attribute("start", 0)), end=node.attribute("end"))


def transposing(node: Node) -> Converted:
    """Transpose-1 to 25."""
    return call(transpose, node.inputs[:1], order=node.attribute("perm"))


def moving_blocks(node: Node) -> Converted:
    """DepthToSpace-1 to 28, SpaceToDepth-1 to 28."""
    function = blocks_to_depth if node.op == "SpaceToDepth" else blocks_to_image
    depth_first = str(node.attribute("mode", "DCR")) == "DCR"
    return call(function, node.inputs[:1], block=int(node.attribute("blocksize")), depth_first=depth_first)
