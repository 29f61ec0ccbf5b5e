"""Conv and ConvTranspose over one to three axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.converters.windows import Window, split_margins, window_of, with_margins
from bnnaudit.onnx_import.operands import call, operands

_CONVOLUTIONS: tuple[Callable[..., Tensor], ...] = (torch.conv1d, torch.conv2d, torch.conv3d)
_TRANSPOSED: tuple[Callable[..., Tensor], ...]
_TRANSPOSED = (torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d)


def convolve(values: Tensor, weight: Tensor, bias: Tensor | None, window: Window, groups: int) -> Tensor:
    """The image, with margins of zeros, correlated with `weight`.

    values (N, C, ...), weight (features, C / groups, ...), bias (features,) -> (N, features, ...).
    """
    before, after = window.margins(values.shape[2:])
    if before != after or min(before) < 0:
        values = with_margins(values, before, after)
        before = (0,) * window.axes
    return _CONVOLUTIONS[window.axes - 1](values, weight, bias, window.strides, before, window.dilations, groups=groups)


def convolve_transposed(
    values: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    window: Window,
    groups: int,
    extra: tuple[int, ...],
    sizes: tuple[int, ...] | None,
) -> Tensor:
    """Each value spreads the kernel over the output, whose margins are cut off.

    values (N, C, ...), weight (C, features / groups, ...), bias (features,) -> (N, features, ...). extra: values added to
    the end of each axis (`output_padding`). sizes: the output's (`output_shape`), from which the margins follow; a size that
    is larger than what the kernel reaches gets its missing values at the end.
    """
    before, after = _cut_margins(values.shape[2:], window, extra, sizes)
    trim = tuple(margin - more for margin, more in zip(after, extra, strict=True))
    transposed = _TRANSPOSED[window.axes - 1]
    if before == trim and min(before) >= 0:
        return transposed(values, weight, bias, window.strides, before, 0, groups, window.dilations)
    spread = transposed(values, weight, None, window.strides, 0, 0, groups, window.dilations)
    spread = with_margins(spread, [-margin for margin in before], [-margin for margin in trim])
    return spread if bias is None else spread + bias.reshape(-1, *[1] * window.axes)


def _cut_margins(
    lengths: Sequence[int], window: Window, extra: tuple[int, ...], sizes: tuple[int, ...] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if sizes is None and not window.same:
        return window.before, window.after
    wanted = sizes or [length * stride for length, stride in zip(lengths, window.strides, strict=True)]
    total = [
        stride * (length - 1) + more + window.span(axis) - target
        for axis, (length, stride, more, target) in enumerate(zip(lengths, window.strides, extra, wanted, strict=True))
    ]
    before, after = split_margins([max(0, margin) for margin in total], upper=window.same == "SAME_UPPER")
    return before, tuple(end + min(0, margin) for end, margin in zip(after, total, strict=True))


def convolution_settings(node: Node, position: int = 1) -> dict[str, Any]:
    """The window and the number of groups of a convolution with its weights at an input.

    The window's size comes from the attribute or the weights, which must agree where both are known.
    """
    stated = node.attribute("kernel_shape")
    weight = node.shape(position)
    sizes = None if weight is None or None in weight[2:] else [int(size or 0) for size in weight[2:]]
    if stated and sizes is not None and list(stated) != sizes:
        raise NotImplementedError(f"kernel_shape {list(stated)} on weights of {sizes}")
    kernel = stated or sizes
    if not kernel:
        raise NotImplementedError("weights of unknown size")
    return {"window": window_of(node, [int(size) for size in kernel]), "groups": int(node.attribute("group", 1))}


def convolution(node: Node) -> Converted:
    """Conv-1 to 22."""
    return call(convolve, node.inputs[:1], operands(node, 1, 2), **convolution_settings(node))


def transposed_convolution(node: Node) -> Converted:
    """ConvTranspose-1 to 22."""
    settings = convolution_settings(node)
    window: Window = settings["window"]
    extra = tuple(node.attribute("output_padding") or [0] * window.axes)
    sizes = node.attribute("output_shape")
    if sizes:
        # Some files name the batch and the channels too.
        sizes = tuple(int(size) for size in sizes[-window.axes :])
        settings["window"] = replace(window, before=(0,) * window.axes, after=(0,) * window.axes)
    return call(
        convolve_transposed, node.inputs[:1], operands(node, 1, 2), **settings, extra=extra, sizes=sizes or None
    )
