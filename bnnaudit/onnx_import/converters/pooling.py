"""Average, maximum and p-norm over windows or over the whole image."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.converters.windows import Window, window_of, with_margins
from bnnaudit.onnx_import.graph.graph import FLOATS
from bnnaudit.onnx_import.operands import call


def windows_of(values: Tensor, window: Window, ceil: bool, fill: float, overhang: float | None = None) -> Tensor:
    """(N, C, ...) -> (N, C, ..., values of a window); margins are `fill`, what lies beyond them `overhang` or too.

    ceil: sizes are rounded up and not down, unless a window would start after the image.
    """
    before, after = window.margins(values.shape[2:])
    beyond = [
        _overhang(window, size, axis, before[axis], after[axis]) if ceil else 0
        for axis, size in enumerate(values.shape[2:])
    ]
    values = with_margins(values, before, after, fill)
    values = with_margins(values, [0] * len(beyond), beyond, fill if overhang is None else overhang)
    for axis in range(window.axes):
        values = values.unfold(2 + axis, window.span(axis), window.strides[axis])
        values = values[..., :: window.dilations[axis]]
    return values.flatten(start_dim=2 + window.axes)


def _overhang(window: Window, size: int, axis: int, before: int, after: int) -> int:
    """How far the last window reaches over the margin when sizes are rounded up."""
    span, stride, whole = window.span(axis), window.strides[axis], size + before + after
    count = -(-(whole - span) // stride) + 1
    if (count - 1) * stride >= size + before:
        count -= 1
    return max(0, (count - 1) * stride + span - whole)


def maximum(
    values: Tensor, window: Window, ceil: bool, indices: bool, column_major: bool
) -> Tensor | tuple[Tensor, Tensor]:
    """The greatest value of each window, its margins never; with `indices` also where it was.

    (N, C, ...) -> (N, C, ...) smaller, and as many indices (int64). An index counts the input's values from its first one,
    the last axis fastest or, with `column_major`, the first axis of the image.
    """
    floats = values.is_floating_point()
    windows = windows_of(values, window, ceil, -math.inf if floats else torch.iinfo(values.dtype).min)
    if not indices:
        return windows.amax(dim=-1)
    sizes = values.shape[2:]
    places = torch.arange(math.prod(sizes), device=values.device)
    axes = tuple(reversed(range(len(sizes))))
    places = places.reshape(sizes[::-1]).permute(axes) if column_major else places.reshape(sizes)
    inside = windows_of(places[None, None], window, ceil, -1)
    # A margin is never chosen, even where whole numbers of the window are as small as it.
    order = windows if floats else torch.where(inside >= 0, windows.long(), torch.iinfo(torch.int64).min)
    chosen = order.argmax(dim=-1, keepdim=True)
    inside = inside.expand_as(windows)
    images = torch.arange(values.shape[0] * values.shape[1], device=values.device) * math.prod(sizes)
    first = images.reshape(values.shape[0], values.shape[1], *[1] * len(sizes))
    return windows.gather(-1, chosen).squeeze(-1), inside.gather(-1, chosen).squeeze(-1) + first


def average(values: Tensor, window: Window, ceil: bool, count_margins: bool) -> Tensor:
    """(N, C, ...) -> (N, C, ...) smaller: means; margins count only with `count_margins`, what lies beyond them never."""
    counted = windows_of(torch.ones_like(values[:1, :1]), window, ceil, 1.0 if count_margins else 0.0, 0.0)
    return windows_of(values, window, ceil, 0.0).sum(dim=-1) / counted.sum(dim=-1)


def norm(values: Tensor, window: Window, ceil: bool, p: float) -> Tensor:
    """(N, C, ...) -> (N, C, ...) smaller: the p-norm of each window."""
    norms: Tensor = torch.linalg.vector_norm(windows_of(values, window, ceil, 0.0), ord=p, dim=-1)
    return norms


def over_image(values: Tensor, op: str, p: float = 2.0) -> Tensor:
    """(N, C, ...) -> (N, C, 1, ...): a mean, maximum or p-norm over all axes but the first two."""
    axes = tuple(range(2, values.dim()))
    if op == "GlobalAveragePool":
        return values.mean(axes, keepdim=True)
    if op == "GlobalMaxPool":
        return values.amax(axes, keepdim=True)
    norms: Tensor = torch.linalg.vector_norm(values, ord=p, dim=axes, keepdim=True)
    return norms


_AVERAGE: tuple[Callable[..., Tensor], ...] = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)
_MAXIMUM: tuple[Callable[..., Tensor], ...] = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)
"""torch's own pooling, which is faster, for windows that it has the settings for."""


def _window(node: Node) -> tuple[Window, bool]:
    """The window, and whether sizes are rounded up; a margin must be smaller than the window, or a mean is of nothing."""
    kernel = node.attribute("kernel_shape")
    if not kernel:
        raise NotImplementedError("a window of unknown size")
    window = window_of(node, kernel).on(node.shape())
    for axis, margin in itertools.product(range(window.axes), (window.before, window.after)):
        if not 0 <= margin[axis] < window.span(axis):
            raise NotImplementedError(f"a margin of {margin[axis]} around windows of {window.span(axis)}")
    # Margins that follow from the size leave nothing to round.
    return window, bool(node.attribute("ceil_mode", 0)) and not window.same


def _is_plain(window: Window, ceil: bool) -> bool:
    halves = all(2 * margin <= size for margin, size in zip(window.before, window.kernel, strict=True))
    return not ceil and not window.same and window.before == window.after and halves


def _plain(node: Node, pool: Callable[..., Tensor], window: Window, **settings: object) -> Converted:
    sizes = {"kernel_size": window.kernel, "stride": window.strides, "padding": window.before}
    return call(pool, node.inputs, **sizes, **settings)


def average_pool(node: Node) -> Converted:
    """AveragePool."""
    window, ceil = _window(node)
    count_margins = node.flag("count_include_pad")
    if _is_plain(window, ceil) and set(window.dilations) == {1}:
        return _plain(node, _AVERAGE[window.axes - 1], window, count_include_pad=count_margins)
    return call(average, node.inputs, window=window, ceil=ceil, count_margins=count_margins)


def max_pool(node: Node) -> Converted:
    """MaxPool."""
    window, ceil = _window(node)
    indices = len(node.outputs) > 1
    if _is_plain(window, ceil) and not indices and node.element_type() in FLOATS:
        return _plain(node, _MAXIMUM[window.axes - 1], window, dilation=window.dilations)
    settings = {"window": window, "ceil": ceil, "indices": indices, "column_major": node.flag("storage_order")}
    return call(maximum, node.inputs, **settings)


def lp_pool(node: Node) -> Converted:
    """LpPool."""
    window, ceil = _window(node)
    return call(norm, node.inputs, window=window, ceil=ceil, p=float(node.attribute("p", 2)))


def global_pool(node: Node) -> Converted:
    """GlobalAveragePool, GlobalMaxPool, GlobalLpPool."""
    return call(over_image, node.inputs, op=node.op, p=float(node.attribute("p", 2)))
