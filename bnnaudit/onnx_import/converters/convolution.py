"""Conv and ConvTranspose over one to three axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.windows import Window, split_margins, window_of, with_margins
from bnnaudit.onnx_import.operands import Operands, operands

_CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {1: torch.conv1d, 2: torch.conv2d, 3: torch.conv3d}
_TRANSPOSED: dict[int, Callable[..., Tensor]] = {
    1: torch.conv_transpose1d,
    2: torch.conv_transpose2d,
    3: torch.conv_transpose3d,
}


class Convolution(nn.Module):
    """Conv-1, 11, 22: the image, with margins of zeros, correlated with `weight`."""

    def __init__(self, window: Window, groups: int, tensors: Operands) -> None:
        super().__init__()
        self.window = window
        self.groups = groups
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(N, C, ...) -> (N, features, ...); weight (features, C / groups, ...)."""
        weight, bias = self.tensors(*computed)
        window = self.window
        before, after = window.margins(values.shape[2:])
        if before != after or min(before) < 0:
            values = with_margins(values, before, after)
            before = (0,) * window.axes
        return _CONVOLUTIONS[window.axes](
            values, weight, bias, window.strides, before, window.dilations, groups=self.groups
        )

    def extra_repr(self) -> str:
        """For people: the window."""
        return f"{self.window}, groups={self.groups}"


class TransposedConvolution(nn.Module):
    """ConvTranspose-1, 11, 22: each value spreads the kernel over the output, whose margins are cut off.

    extra: values added to the end of each axis (`output_padding`). sizes: the output's (`output_shape`), from which the
    margins follow; a size that is larger than what the kernel reaches gets its missing values at the end.
    """

    def __init__(
        self, window: Window, groups: int, extra: tuple[int, ...], sizes: tuple[int, ...] | None, tensors: Operands
    ) -> None:
        super().__init__()
        self.window = window
        self.groups = groups
        self.extra = extra
        self.sizes = sizes
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(N, C, ...) -> (N, features, ...); weight (C, features / groups, ...)."""
        weight, bias = self.tensors(*computed)
        window = self.window
        before, after = self._margins(values.shape[2:])
        trim = tuple(margin - extra for margin, extra in zip(after, self.extra, strict=True))
        transposed = _TRANSPOSED[window.axes]
        if before == trim and min(before) >= 0:
            return transposed(values, weight, bias, window.strides, before, 0, self.groups, window.dilations)
        spread = transposed(values, weight, None, window.strides, 0, 0, self.groups, window.dilations)
        spread = with_margins(spread, [-margin for margin in before], [-margin for margin in trim])
        return spread if bias is None else spread + bias.reshape(-1, *[1] * window.axes)

    def _margins(self, sizes: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        window = self.window
        if self.sizes is None and not window.same:
            return window.before, window.after
        wanted = self.sizes or [size * stride for size, stride in zip(sizes, window.strides, strict=True)]
        total = [
            stride * (size - 1) + extra + window.span(axis) - target
            for axis, (size, stride, extra, target) in enumerate(
                zip(sizes, window.strides, self.extra, wanted, strict=True)
            )
        ]
        before, after = split_margins([max(0, margin) for margin in total], upper=window.same == "SAME_UPPER")
        return before, tuple(end + min(0, margin) for end, margin in zip(after, total, strict=True))

    def extra_repr(self) -> str:
        """For people: the window."""
        return f"{self.window}, groups={self.groups}, extra={self.extra}, sizes={self.sizes}"


def _kernel(node: Node) -> list[int]:
    """The window's size, from the attribute or the weights, which must agree where both are known."""
    stated = node.attribute("kernel_shape")
    weight = node.shape(1)
    sizes = None if weight is None or None in weight[2:] else [int(size or 0) for size in weight[2:]]
    if stated and sizes is not None and list(stated) != sizes:
        raise NotImplementedError(f"kernel_shape {list(stated)} on weights of {sizes}")
    kernel = stated or sizes
    if not kernel:
        raise NotImplementedError("weights of unknown size")
    return [int(size) for size in kernel]


def _convolution(node: Node) -> Converted:
    tensors, names = operands(node, 1, 2)
    window = window_of(node, _kernel(node))
    return Converted(Convolution(window, int(node.attribute("group", 1)), tensors), (node.inputs[0], *names))


def _transposed(node: Node) -> Converted:
    tensors, names = operands(node, 1, 2)
    window = window_of(node, _kernel(node))
    extra = tuple(node.attribute("output_padding") or [0] * window.axes)
    sizes = node.attribute("output_shape")
    if sizes:
        # Some files name the batch and the channels too.
        sizes = tuple(int(size) for size in sizes[-window.axes :])
        window = replace(window, before=(0,) * window.axes, after=(0,) * window.axes)
    groups = int(node.attribute("group", 1))
    module = TransposedConvolution(window, groups, extra, sizes or None, tensors)
    return Converted(module, (node.inputs[0], *names))


CONVERTERS: dict[str, Converter] = {"Conv": _convolution, "ConvTranspose": _transposed}
