"""Normalisations: by stored statistics (batch), by the image's own (layer, group, instance), by neighbouring channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.graph.torch_types import carrier
from bnnaudit.onnx_import.operands import Operands, operands


class BatchNormalization(nn.Module):
    """BatchNormalization-1 to 15 at inference: scale (x - mean) / sqrt(variance + epsilon) + bias, channel by channel."""

    def __init__(self, epsilon: float, tensors: Operands) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(N, C, ...) -> the same; operands (C,), or (C, ...) where every value has its own."""
        tensors = [tensor for tensor in self.tensors(*computed) if tensor is not None]
        kind = tensors[2].dtype
        scale, bias, mean, variance = (tensor.to(kind) for tensor in tensors)
        if scale.dim() == 1 and values.dim() > 1:
            normalised = functional.batch_norm(values.to(kind), mean, variance, scale, bias, False, 0.0, self.epsilon)
        else:
            normalised = (values.to(kind) - mean) * torch.rsqrt(variance + self.epsilon) * scale + bias
        return normalised.to(values.dtype)

    def extra_repr(self) -> str:
        """For people: epsilon."""
        return f"epsilon={self.epsilon}"


class LayerNormalization(nn.Module):
    """LayerNormalization-17 and RMSNormalization-23 over the axes from `axis` on, statistics in the type `stash`.

    (x - mean) / sqrt(variance + epsilon) scale + bias; with `centred` false, x / sqrt(mean of x^2 + epsilon) scale.
    """

    def __init__(
        self, axis: int, epsilon: float, stash: torch.dtype, centred: bool, outputs: int, tensors: Operands
    ) -> None:
        super().__init__()
        self.axis = axis
        self.epsilon = epsilon
        self.stash = stash
        self.centred = centred
        self.outputs = outputs
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(...) -> the same, and the mean and the inverse deviation (axes kept with size 1) where they are outputs."""
        scale, bias = self.tensors(*computed)
        axes = list(range(self.axis % values.dim(), values.dim()))
        stashed = values.to(self.stash)
        if self.centred and self.outputs == 1:
            shape = [values.shape[axis] for axis in axes]
            return _affine(functional.layer_norm(stashed, shape, eps=self.epsilon).to(values.dtype), scale, bias)
        mean = stashed.mean(axes, keepdim=True) if self.centred else stashed.new_zeros(())
        centred = stashed - mean
        inverse = torch.rsqrt(centred.square().mean(axes, keepdim=True) + self.epsilon)
        result = _affine((centred * inverse).to(values.dtype), scale, bias)
        return result if self.outputs == 1 else (result, mean, inverse)[: self.outputs]

    def extra_repr(self) -> str:
        """For people: the axis and epsilon."""
        return f"axis={self.axis}, epsilon={self.epsilon}"


class GroupNormalization(nn.Module):
    """GroupNormalization-18 and 21, InstanceNormalization-1 to 22 (as many groups as channels): each image's groups of
    channels to mean 0 and variance 1, statistics in the type `stash`; then scale and bias.
    """

    def __init__(self, groups: int | None, epsilon: float, stash: torch.dtype | None, tensors: Operands) -> None:
        super().__init__()
        self.groups = groups
        self.epsilon = epsilon
        self.stash = stash
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(N, C, ...) -> the same; scale and bias (C,) or one for each group."""
        scale, bias = self.tensors(*computed)
        images, channels = values.shape[:2]
        stashed = values.reshape(images, self.groups or channels, -1).to(self.stash or values.dtype)
        centred = stashed - stashed.mean(-1, keepdim=True)
        inverse = torch.rsqrt(centred.square().mean(-1, keepdim=True) + self.epsilon)
        normalised = (centred * inverse).reshape(values.shape).to(values.dtype)
        shape = (channels, *[1] * (values.dim() - 2))
        spread = [
            None if part is None else part.repeat_interleave(channels // len(part)).reshape(shape)
            for part in (scale, bias)
        ]
        return _affine(normalised, *spread)

    def extra_repr(self) -> str:
        """For people: the groups and epsilon."""
        return f"groups={self.groups}, epsilon={self.epsilon}"


class LocalResponseNormalization(nn.Module):
    """LRN-1, 13: x / (bias + alpha / size times the sum of x^2 over `size` neighbouring channels)^beta."""

    def __init__(self, size: int, alpha: float, beta: float, bias: float) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.bias = bias

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, ...) -> the same; the odd neighbour is the one after."""
        before = (self.size - 1) // 2
        squares = values.square().flatten(start_dim=2) if values.dim() > 2 else values.square()[..., None]
        padded = functional.pad(squares, (0, 0, before, self.size - 1 - before))
        sums = padded.unfold(1, self.size, 1).sum(dim=-1).reshape(values.shape)
        return values / (self.bias + self.alpha / self.size * sums) ** self.beta

    def extra_repr(self) -> str:
        """For people: the neighbours and coefficients."""
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}, bias={self.bias}"


def _affine(values: Tensor, scale: Tensor | None, bias: Tensor | None) -> Tensor:
    if scale is not None:
        values = values * scale
    return values if bias is None else values + bias


def _batch(node: Node) -> Converted:
    training = node.attribute("training_mode", 0) if node.version >= 7 else not node.attribute("is_test", 0)
    if training:
        raise NotImplementedError(
            "batch normalisation in training mode, where an image's scores depend on the images beside it"
        )
    if len(node.outputs) > 1 and any(node.outputs[1:]):
        raise NotImplementedError("the statistics that batch normalisation returns in training")
    tensors, names = operands(node, 1, 2, 3, 4)
    module = BatchNormalization(float(node.attribute("epsilon", 1e-5)), tensors)
    return Converted(module, (node.inputs[0], *names))


def _layer(node: Node) -> Converted:
    tensors, names = operands(node, 1, 2)
    module = LayerNormalization(
        int(node.attribute("axis", -1)),
        float(node.attribute("epsilon", 1e-5)),
        carrier(int(node.attribute("stash_type", 1))),
        node.op == "LayerNormalization",
        len(node.outputs),
        tensors,
    )
    return Converted(module, (node.inputs[0], *names))


def _group(node: Node) -> Converted:
    tensors, names = operands(node, 1, 2)
    stash = carrier(int(node.attribute("stash_type", 1))) if node.version >= 21 else None
    module = GroupNormalization(
        int(node.attribute("num_groups")), float(node.attribute("epsilon", 1e-5)), stash, tensors
    )
    return Converted(module, (node.inputs[0], *names))


def _instance(node: Node) -> Converted:
    tensors, names = operands(node, 1, 2)
    module = GroupNormalization(None, float(node.attribute("epsilon", 1e-5)), None, tensors)
    return Converted(module, (node.inputs[0], *names))


def _local(node: Node) -> Converted:
    size = int(node.attribute("size"))
    alpha, beta = float(node.attribute("alpha", 1e-4)), float(node.attribute("beta", 0.75))
    module = LocalResponseNormalization(size, alpha, beta, float(node.attribute("bias", 1.0)))
    return Converted(module, node.inputs[:1])


CONVERTERS: dict[str, Converter] = {
    "BatchNormalization": _batch,
    "LayerNormalization": _layer,
    "RMSNormalization": _layer,
    "GroupNormalization": _group,
    "InstanceNormalization": _instance,
    "LRN": _local,
}
