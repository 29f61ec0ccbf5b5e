"""Binary weights at one bit each, in a safetensors file.

A packed tensor has its name, is uint8 and of one dimension: bit 7 of the first byte is the first weight, 1 for the larger of
its two values, -1 and +1. The metadata name its shape under `bnnaudit.packed_signs`. Where the two values are -a and +a with
an a for each output channel, a tensor NAME.scale holds them (out,), float32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod

import numpy as np
import torch
from torch import Tensor

from bnnaudit.core.errors import CheckpointError, cited
from bnnaudit.core.file_limits import CHECKPOINT_BYTES

KEY = "bnnaudit.packed_signs"
SCALE = ".scale"
MOST_AXES = 8
"""Most axes of a packed weight; those of layers have up to 5. Not tuned."""


def packed(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata for a file; weights with two or more axes whose channels have two opposite values are packed."""
    tensors: dict[str, Tensor] = {}
    shapes: dict[str, list[int]] = {}
    for name, tensor in weights.items():
        scale = (
            None if name + SCALE in weights else _scale_of(tensor)
        )  # a name that is taken would be read as the scale
        if scale is None:
            tensors[name] = tensor.contiguous()
            continue
        shapes[name] = list(tensor.shape)
        tensors[name] = torch.from_numpy(np.packbits((tensor.reshape(-1) > 0).numpy()))
        if not bool((scale == 1).all()):
            tensors[name + SCALE] = scale
    return tensors, {KEY: json.dumps(shapes, sort_keys=True)} if shapes else {}


def _scale_of(tensor: Tensor) -> Tensor | None:
    """The absolute value (out,) of a channel's weights, where it is one for all of them and not zero."""
    if tensor.dim() < 2 or tensor.dtype is not torch.float32 or tensor.numel() == 0:
        return None
    sizes = tensor.reshape(len(tensor), -1).abs()
    scale = sizes[:, 0].clone()
    same = bool((sizes == scale[:, None]).all()) and bool((scale > 0).all()) and bool(torch.isfinite(scale).all())
    return scale if same else None


def unpacked(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None, where: str) -> dict[str, Tensor]:
    """The weights of a file, float32 where they are packed.

    Raises CheckpointError where the metadata name a tensor that is not packed, or a shape that it cannot have.
    """
    stated = (metadata or {}).get(KEY)
    if stated is None:
        return dict(tensors)
    shapes = _shapes(stated, where)
    if CHECKPOINT_BYTES.exceeded_by(size := 4 * sum(map(prod, shapes.values()))):
        raise CheckpointError(f"{where}: its packed weights take {CHECKPOINT_BYTES.refusal(size)}")
    scales = {name + SCALE for name in shapes}
    weights = {name: tensor for name, tensor in tensors.items() if name not in scales and name not in shapes}
    for name, shape in shapes.items():
        weights[name] = _unpacked(tensors.get(name), shape, tensors.get(name + SCALE), f"{where}: {cited(name, 80)}")
    return weights


def _shapes(stated: str, where: str) -> dict[str, list[int]]:
    try:
        shapes = json.loads(stated)
    except (ValueError, RecursionError):
        shapes = None
    plain = isinstance(shapes, dict) and all(
        isinstance(shape, list)
        and 2 <= len(shape) <= MOST_AXES
        and all(type(length) is int and 0 < length < 2**31 for length in shape)
        for shape in shapes.values()
    )
    if not plain:
        raise CheckpointError(f"{where}: its metadata {KEY} are not shapes by names; write the file again")
    return dict(shapes)


def _unpacked(bits: Tensor | None, shape: list[int], scale: Tensor | None, where: str) -> Tensor:
    count = prod(shape)
    if bits is None or bits.dtype is not torch.uint8 or bits.shape != (-(-count // 8),):
        raise CheckpointError(
            f"{where}: not the packed signs of {'x'.join(map(str, shape))} weights; write the file again"
        )
    signs = torch.from_numpy(np.unpackbits(bits.numpy(), count=count).astype(np.float32)) * 2 - 1
    weight = signs.reshape(shape)
    if scale is None:
        return weight
    if scale.shape != (shape[0],) or not scale.is_floating_point():
        raise CheckpointError(
            f"{where}: its scale is not one number for each of {shape[0]} channels; write the file again"
        )
    return weight * scale.float().reshape(-1, *(1,) * (len(shape) - 1))
