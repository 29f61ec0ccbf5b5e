"""Normalisations: by stored statistics (batch), by the image's own (layer, group, instance), by neighbours, to a unit norm."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.torch_types import torch_type
from bnnaudit.onnx_import.operands import call, operands

SMALLEST_DEVIATION = 1e-9
"""What MeanVarianceNormalization adds to the standard deviation (ONNX's definition)."""


def batch_norm(values: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: float) -> Tensor:
    """scale (x - mean) / sqrt(variance + epsilon) + bias, channel by channel, by stored statistics.

    values (N, C, ...) -> the same; all others (C,), or (C, ...) where every value has its own.
    """
    kind = mean.dtype
    scale, bias, mean, variance = (tensor.to(kind) for tensor in (scale, bias, mean, variance))
    if scale.dim() == 1 and values.dim() > 1:
        normalised = functional.batch_norm(values.to(kind), mean, variance, scale, bias, False, 0.0, epsilon)
    else:
        normalised = (values.to(kind) - mean) * torch.rsqrt(variance + epsilon) * scale + bias
    return normalised.to(values.dtype)


def layer_norm(
    values: Tensor,
    scale: Tensor | None,
    bias: Tensor | None,
    *,
    axis: int,
    epsilon: float,
    stash: torch.dtype,
    centred: bool,
    outputs: int,
) -> Tensor | tuple[Tensor, ...]:
    """(x - mean) / sqrt(variance + epsilon) scale + bias over the axes from `axis` on, statistics in the type `stash`.

    (...) -> the same, and the mean and the inverse deviation (axes kept with size 1) where they are outputs. With `centred`
    false, x / sqrt(mean of x^2 + epsilon) scale.
    """
    axes = list(range(axis % values.dim(), values.dim()))
    stashed = values.to(stash)
    if centred and outputs == 1:
        shape = [values.shape[axis] for axis in axes]
        return _affine(functional.layer_norm(stashed, shape, eps=epsilon).to(values.dtype), scale, bias)
    mean = stashed.mean(axes, keepdim=True) if centred else stashed.new_zeros(())
    moved = stashed - mean
    inverse = torch.rsqrt(moved.square().mean(axes, keepdim=True) + epsilon)
    result = _affine((moved * inverse).to(values.dtype), scale, bias)
    return result if outputs == 1 else (result, mean, inverse)[:outputs]


def group_norm(
    values: Tensor,
    scale: Tensor | None,
    bias: Tensor | None,
    *,
    groups: int | None,
    epsilon: float,
    stash: torch.dtype | None,
) -> Tensor:
    """Each image's groups of channels (as many as channels where None) to mean 0 and variance 1; then scale and bias.

    values (N, C, ...) -> the same; scale and bias (C,) or one for each group. stash: the type of the statistics.
    """
    images, channels = values.shape[:2]
    stashed = values.reshape(images, groups or channels, -1).to(stash or values.dtype)
    centred = stashed - stashed.mean(-1, keepdim=True)
    inverse = torch.rsqrt(centred.square().mean(-1, keepdim=True) + epsilon)
    normalised = (centred * inverse).reshape(values.shape).to(values.dtype)
    shape = (channels, *[1] * (values.dim() - 2))
    spread = [
        None if part is None else part.repeat_interleave(channels // len(part)).reshape(shape) for part in (scale, bias)
    ]
    return _affine(normalised, *spread)


def local_response(values: Tensor, size: int, alpha: float, beta: float, bias: float) -> Tensor:
    """x / (bias + alpha / size times the sum of x^2 over `size` neighbouring channels)^beta.

    (N, C, ...) -> the same; the odd neighbour is the one after.
    """
    before = (size - 1) // 2
    squares = values.square().flatten(start_dim=2) if values.dim() > 2 else values.square()[..., None]
    padded = functional.pad(squares, (0, 0, before, size - 1 - before))
    sums = padded.unfold(1, size, 1).sum(dim=-1).reshape(values.shape)
    return values / (bias + alpha / size * sums) ** beta


def unit_norm(values: Tensor, p: int, axis: int) -> Tensor:
    """(...) -> (...) divided by the p-norm along an axis; zeros stay zeros, with a finite gradient."""
    norm: Tensor = torch.linalg.vector_norm(values, ord=p, dim=axis, keepdim=True)
    return values / (norm + (norm == 0).to(norm.dtype))


def mean_variance(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """(...) -> (...): (x - mean) / (deviation + 1e-9), both over `axes`; the gradient of a deviation of 0 is 0."""
    centred = values - values.mean(axes, keepdim=True)
    norm: Tensor = torch.linalg.vector_norm(centred, dim=axes, keepdim=True)
    deviation = norm / math.sqrt(values.numel() / max(norm.numel(), 1))
    return centred / (deviation + SMALLEST_DEVIATION)


def _affine(values: Tensor, scale: Tensor | None, bias: Tensor | None) -> Tensor:
    if scale is not None:
        values = values * scale
    return values if bias is None else values + bias


def batch_normalization(node: Node) -> Converted:
    """BatchNormalization-1 to 15 at inference."""
    training = node.attribute("training_mode", 0) if node.version >= 7 else not node.attribute("is_test", 0)
    if training:
        raise NotImplementedError(
            "batch normalisation in training mode, where an image's scores depend on the images beside it"
        )
    if len(node.outputs) > 1 and any(node.outputs[1:]):
        raise NotImplementedError("the statistics that batch normalisation returns in training")
    return call(batch_norm, node.inputs[:1], operands(node, 1, 2, 3, 4), **node.settings(epsilon=1e-5))


def layer_normalization(node: Node) -> Converted:
    """LayerNormalization-17 and RMSNormalization-23."""
    settings = {
        **node.settings(axis=-1, epsilon=1e-5),
        "stash": torch_type(int(node.attribute("stash_type", 1))),
        "centred": node.op == "LayerNormalization",
        "outputs": len(node.outputs),
    }
    return call(layer_norm, node.inputs[:1], operands(node, 1, 2), **settings)


def group_normalization(node: Node) -> Converted:
    """GroupNormalization-18 and 21, InstanceNormalization-1 to 22."""
    groups = None if node.op == "InstanceNormalization" else int(node.attribute("num_groups"))
    stash = torch_type(int(node.attribute("stash_type", 1))) if groups is not None and node.version >= 21 else None
    return call(
        group_norm, node.inputs[:1], operands(node, 1, 2), groups=groups, stash=stash, **node.settings(epsilon=1e-5)
    )


def local_response_normalization(node: Node) -> Converted:
    """LRN-1, 13."""
    settings = node.settings(alpha=1e-4, beta=0.75, bias=1.0)
    return call(local_response, node.inputs[:1], size=int(node.attribute("size")), **settings)


def mean_variance_normalization(node: Node) -> Converted:
    """MeanVarianceNormalization."""
    return call(mean_variance, node.inputs, axes=tuple(int(axis) for axis in node.attribute("axes", (0, 2, 3))))
