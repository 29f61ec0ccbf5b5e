"""Average, maximum and p-norm over windows or over the whole image."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.windows import Window, window_of, with_margins
from bnnaudit.onnx_import.graph.graph import FLOATS


class Windows(nn.Module):
    """The windows of an image: their sizes rounded down, or up with `ceil` unless a window would start after the image."""

    def __init__(self, window: Window, ceil: bool) -> None:
        super().__init__()
        self.window = window
        self.ceil = ceil

    def forward(self, values: Tensor, fill: float, overhang: float | None = None) -> Tensor:
        """(N, C, ...) -> (N, C, ..., values of a window); margins are `fill`, what lies beyond them `overhang` or too."""
        before, after = self.window.margins(values.shape[2:])
        beyond = [self._overhang(size, axis, before[axis], after[axis]) for axis, size in enumerate(values.shape[2:])]
        values = with_margins(values, before, after, fill)
        values = with_margins(values, [0] * len(beyond), beyond, fill if overhang is None else overhang)
        for axis in range(self.window.axes):
            values = values.unfold(2 + axis, self.window.span(axis), self.window.strides[axis])
            values = values[..., :: self.window.dilations[axis]]
        return values.flatten(start_dim=2 + self.window.axes)

    def _overhang(self, size: int, axis: int, before: int, after: int) -> int:
        """How far the last window reaches over the margin when sizes are rounded up."""
        if not self.ceil:
            return 0
        span, stride, whole = self.window.span(axis), self.window.strides[axis], size + before + after
        count = -(-(whole - span) // stride) + 1
        if (count - 1) * stride >= size + before:
            count -= 1
        return max(0, (count - 1) * stride + span - whole)


class MaximumPool(nn.Module):
    """The greatest value of each window, its margins never; with `indices` also where it was.

    An index counts the input's values from its first one, the last axis fastest or, with `column_major`, the first axis
    of the image.
    """

    def __init__(self, windows: Windows, indices: bool, column_major: bool) -> None:
        super().__init__()
        self.windows = windows
        self.indices = indices
        self.column_major = column_major

    def forward(self, values: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """(N, C, ...) -> (N, C, ...) smaller, and as many indices (int64)."""
        floats = values.is_floating_point()
        windows = self.windows(values, -math.inf if floats else torch.iinfo(values.dtype).min)
        if not self.indices:
            maxima: Tensor = windows.amax(dim=-1)
            return maxima
        sizes = values.shape[2:]
        places = torch.arange(math.prod(sizes), device=values.device)
        axes = tuple(reversed(range(len(sizes))))
        places = places.reshape(sizes[::-1]).permute(axes) if self.column_major else places.reshape(sizes)
        inside = self.windows(places[None, None], -1)
        # A margin is never chosen, even where whole numbers of the window are as small as it.
        order = windows if floats else torch.where(inside >= 0, windows.long(), torch.iinfo(torch.int64).min)
        chosen = order.argmax(dim=-1, keepdim=True)
        inside = inside.expand_as(windows)
        images = torch.arange(values.shape[0] * values.shape[1], device=values.device) * math.prod(sizes)
        first = images.reshape(values.shape[0], values.shape[1], *[1] * len(sizes))
        return windows.gather(-1, chosen).squeeze(-1), inside.gather(-1, chosen).squeeze(-1) + first


class AveragePool(nn.Module):
    """The mean of each window; its margins count only with `count_margins`, what lies beyond them never."""

    def __init__(self, windows: Windows, count_margins: bool) -> None:
        super().__init__()
        self.windows = windows
        self.count_margins = count_margins

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C, ...) smaller."""
        counted: Tensor = self.windows(torch.ones_like(values[:1, :1]), 1.0 if self.count_margins else 0.0, 0.0)
        windows: Tensor = self.windows(values, 0.0)
        return windows.sum(dim=-1) / counted.sum(dim=-1)


class NormPool(nn.Module):
    """The p-norm of each window."""

    def __init__(self, windows: Windows, p: float) -> None:
        super().__init__()
        self.windows = windows
        self.p = p

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C, ...) smaller."""
        norms: Tensor = torch.linalg.vector_norm(self.windows(values, 0.0), ord=self.p, dim=-1)
        return norms


class GlobalPool(nn.Module):
    """A mean, maximum or p-norm over all axes but the first two, which stay with size 1."""

    def __init__(self, op: str, p: float = 2.0) -> None:
        super().__init__()
        self.op = op
        self.p = p

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C, 1, ...)."""
        axes = tuple(range(2, values.dim()))
        if self.op == "GlobalAveragePool":
            return values.mean(axes, keepdim=True)
        if self.op == "GlobalMaxPool":
            return values.amax(axes, keepdim=True)
        norms: Tensor = torch.linalg.vector_norm(values, ord=self.p, dim=axes, keepdim=True)
        return norms


class PlainPool(nn.Module):
    """torch's own pooling, which is faster, where it has the settings."""

    def __init__(self, pool: Callable[..., Tensor], window: Window, settings: dict[str, object]) -> None:
        super().__init__()
        self.pool = pool
        self.window = window
        self.settings = settings

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C, ...) smaller."""
        window = self.window
        return self.pool(values, window.kernel, window.strides, window.before, **self.settings)

    def extra_repr(self) -> str:
        """For people: the window."""
        return f"{self.window}"


_AVERAGE: dict[int, Callable[..., Tensor]] = {
    1: functional.avg_pool1d,
    2: functional.avg_pool2d,
    3: functional.avg_pool3d,
}
_MAXIMUM: dict[int, Callable[..., Tensor]] = {
    1: functional.max_pool1d,
    2: functional.max_pool2d,
    3: functional.max_pool3d,
}


def _window(node: Node) -> tuple[Window, bool]:
    """The window, and whether sizes are rounded up; a margin must be smaller than the window, or a mean is of nothing."""
    kernel = node.attribute("kernel_shape")
    if not kernel:
        raise NotImplementedError("a window of unknown size")
    window = window_of(node, kernel)
    for axis, margin in itertools.product(range(window.axes), (window.before, window.after)):
        if not 0 <= margin[axis] < window.span(axis):
            raise NotImplementedError(f"a margin of {margin[axis]} around windows of {window.span(axis)}")
    # Margins that follow from the size leave nothing to round.
    return window, bool(node.attribute("ceil_mode", 0)) and not window.same


def _is_plain(window: Window, ceil: bool) -> bool:
    halves = all(2 * margin <= size for margin, size in zip(window.before, window.kernel, strict=True))
    return not ceil and not window.same and window.before == window.after and halves


def _average(node: Node) -> Converted:
    window, ceil = _window(node)
    count_margins = bool(node.attribute("count_include_pad", 0))
    if _is_plain(window, ceil) and set(window.dilations) == {1}:
        plain = PlainPool(_AVERAGE[window.axes], window, {"count_include_pad": count_margins})
        return Converted(plain, node.inputs)
    return Converted(AveragePool(Windows(window, ceil), count_margins), node.inputs)


def _maximum(node: Node) -> Converted:
    window, ceil = _window(node)
    indices = len(node.outputs) > 1
    if _is_plain(window, ceil) and not indices and node.element_type() in FLOATS:
        return Converted(PlainPool(_MAXIMUM[window.axes], window, {"dilation": window.dilations}), node.inputs)
    column_major = bool(node.attribute("storage_order", 0))
    return Converted(MaximumPool(Windows(window, ceil), indices, column_major), node.inputs)


def _norm(node: Node) -> Converted:
    window, ceil = _window(node)
    return Converted(NormPool(Windows(window, ceil), float(node.attribute("p", 2))), node.inputs)


def _global(node: Node) -> Converted:
    return Converted(GlobalPool(node.op, float(node.attribute("p", 2))), node.inputs)


CONVERTERS: dict[str, Converter] = {
    "AveragePool": _average,
    "MaxPool": _maximum,
    "LpPool": _norm,
    "GlobalAveragePool": _global,
    "GlobalMaxPool": _global,
    "GlobalLpPool": _global,
}
