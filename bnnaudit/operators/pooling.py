"""Average and maximum over windows or over the whole image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.operators.conversion import Converted, Converter, Node


class WindowPool(nn.Module):
    """Average or maximum over windows, with margins that may differ from side to side.

    The margins never win a maximum, and count in an average only with `count_margins`.
    """

    def __init__(
        self, node: Node, kernel: list[int], before: list[int], after: list[int], average: bool, count_margins: bool
    ) -> None:
        super().__init__()
        axes = len(kernel)
        self.kernel = kernel
        self.strides: list[int] = list(node.attribute("strides") or [1] * axes)
        self.dilations: list[int] = list(node.attribute("dilations") or [1] * axes)
        self.before = before
        self.after = after
        self.ceil = bool(node.attribute("ceil_mode", 0))
        self.average = average
        self.count_margins = count_margins

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C, ...) smaller."""
        overhang = [self._overhang(size, axis) for axis, size in enumerate(values.shape[2:])]
        padded = _margins(values, self.before, self.after, 0.0 if self.average else -math.inf)
        padded = _margins(padded, [0] * len(overhang), overhang, 0.0 if self.average else -math.inf)
        if not self.average:
            return self._windows(padded).amax(dim=-1)
        counted = torch.ones_like(values[:1, :1])
        counted = _margins(counted, self.before, self.after, 1.0 if self.count_margins else 0.0)
        counted = _margins(counted, [0] * len(overhang), overhang, 0.0)
        return self._windows(padded).sum(dim=-1) / self._windows(counted).sum(dim=-1)

    def _overhang(self, size: int, axis: int) -> int:
        """How far the last window reaches over the margin when sizes are rounded up; no window starts out there."""
        if not self.ceil:
            return 0
        span = self.dilations[axis] * (self.kernel[axis] - 1) + 1
        whole = size + self.before[axis] + self.after[axis]
        count = -(-(whole - span) // self.strides[axis]) + 1
        if (count - 1) * self.strides[axis] >= size + self.before[axis]:
            count -= 1
        return max(0, (count - 1) * self.strides[axis] + span - whole)

    def _windows(self, values: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C, ..., values of a window)."""
        axes = len(self.kernel)
        for axis in range(axes):
            span = self.dilations[axis] * (self.kernel[axis] - 1) + 1
            values = values.unfold(2 + axis, span, self.strides[axis])[..., :: self.dilations[axis]]
        return values.flatten(start_dim=2 + axes)


def _margins(values: Tensor, before: list[int], after: list[int], fill: float) -> Tensor:
    pads = [pad for sides in zip(before[::-1], after[::-1], strict=True) for pad in sides]
    return functional.pad(values, pads, value=fill) if any(pads) else values


class GlobalPool(nn.Module):
    """Average or maximum over all axes but the first two, which stay with size 1."""

    def __init__(self, average: bool) -> None:
        super().__init__()
        self.average = average

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C, 1, ...)."""
        axes = tuple(range(2, values.dim()))
        return values.mean(axes, keepdim=True) if self.average else values.amax(axes, keepdim=True)


_AVERAGE: dict[int, type[nn.Module]] = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
_MAXIMUM: dict[int, type[nn.Module]] = {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d}


def _pool(node: Node) -> Converted:
    average = node.op == "AveragePool"
    if len(node.outputs) > 1:
        raise NotImplementedError("the indices of a maximum")
    kernel = [int(size) for size in node.attribute("kernel_shape")]
    axes = len(kernel)
    if node.attribute("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise NotImplementedError(f"auto_pad {node.attribute('auto_pad')!r} on an image of unknown size")
    pads = [int(pad) for pad in node.attribute("pads") or [0] * (2 * axes)]
    before, after = pads[:axes], pads[axes:]
    count_margins = bool(node.attribute("count_include_pad", 0))
    plain = before == after and all(2 * pad <= size for pad, size in zip(before, kernel, strict=True))
    dilated = any(step != 1 for step in node.attribute("dilations") or [1])
    rounded_up = bool(node.attribute("ceil_mode", 0))
    if not plain or rounded_up or (average and dilated) or axes not in _AVERAGE:
        return Converted(WindowPool(node, kernel, before, after, average, count_margins), node.inputs)
    strides = list(node.attribute("strides") or [1] * axes)
    if average:
        module = _AVERAGE[axes](kernel, strides, before, count_include_pad=count_margins)
    else:
        module = _MAXIMUM[axes](kernel, strides, before, dilation=list(node.attribute("dilations") or [1] * axes))
    return Converted(module, node.inputs)


def _global(node: Node) -> Converted:
    return Converted(GlobalPool(average=node.op == "GlobalAveragePool"), node.inputs)


CONVERTERS: dict[str, Converter] = {
    "AveragePool": _pool,
    "MaxPool": _pool,
    "GlobalAveragePool": _global,
    "GlobalMaxPool": _global,
}
