"""Values at indices, read and written: Gather, GatherElements, GatherND, ScatterElements, ScatterND, OneHot, NonZero, TopK.

Indices count from the end where they are negative, as ONNX has it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.operands import call, numbers, operands, stated_or_given

REDUCTIONS = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}
"""ONNX's reductions of what is written to the same place, as torch names them."""


def gather(values: Tensor, indices: Tensor, axis: int) -> Tensor:
    """The slices of an axis at indices of any shape: (a, S, b), indices (I) -> (a, I, b), each for any number of axes."""
    axis = axis % values.dim()
    flat = values.index_select(axis, _from_start(indices, values.shape[axis]).flatten())
    return flat.reshape(values.shape[:axis] + indices.shape + values.shape[axis + 1 :])


def gather_elements(values: Tensor, indices: Tensor, axis: int) -> Tensor:
    """(...), indices (I) -> (I): each value from its own place, but for its own index along the axis."""
    return values.gather(axis, _from_start(indices, values.shape[axis]))


def gather_nd(values: Tensor, indices: Tensor, batch_dims: int) -> Tensor:
    """The parts at tuples of indices; the first so many axes, the batch, are walked in step.

    (B, S, b), indices (B, I, number of axes of S) -> (B, I, b).
    """
    batch, count = values.shape[:batch_dims], indices.shape[-1]
    indexed, rest = values.shape[batch_dims : batch_dims + count], values.shape[batch_dims + count :]
    places = _flat_places(indices, indexed).reshape(math.prod(batch), -1)
    flat = values.reshape(math.prod(batch), math.prod(indexed), math.prod(rest))
    places = places[..., None].expand(-1, -1, flat.shape[-1])
    return flat.gather(1, places).reshape(indices.shape[:-1] + rest)


def scatter_elements(values: Tensor, indices: Tensor, updates: Tensor, axis: int, reduction: str) -> Tensor:
    """(...), indices (I), updates (I) -> a copy with updates written where `gather_elements` would read them."""
    return _written(values, axis, _from_start(indices, values.shape[axis]), updates, reduction)


def scatter_nd(values: Tensor, indices: Tensor, updates: Tensor, reduction: str) -> Tensor:
    """A copy with updates written at tuples of indices.

    (S, b), indices (I, number of axes of S), updates (I, b) -> (S, b).
    """
    count = indices.shape[-1]
    indexed, rest = values.shape[:count], values.shape[count:]
    flat = values.reshape(math.prod(indexed), math.prod(rest))
    places = _flat_places(indices, indexed).reshape(-1, 1).expand(-1, flat.shape[-1])
    return _written(flat, 0, places, updates.reshape(places.shape), reduction).reshape(values.shape)


def one_hot(indices: Tensor, depths: list[int] | None, levels: Tensor, axis: int) -> Tensor:
    """An axis of `depth` values, `on` at the index and `off` elsewhere, or everywhere if it is outside.

    indices (...) of any type of number -> one axis more, of the type of `levels` (off, on).
    """
    (depth,) = depths or [0]
    axis = axis % (indices.dim() + 1)
    places = torch.arange(depth, device=indices.device)
    places = places.reshape(-1, *[1] * (indices.dim() - axis))
    hot = _from_start(indices.long(), depth).unsqueeze(axis) == places
    return torch.where(hot, levels[1], levels[0])


def non_zero(values: Tensor) -> Tensor:
    """(...) of r axes -> (r, count) int64, the indices of what is not 0, in row-major order."""
    return values.nonzero().transpose(0, 1)


def top_k(
    values: Tensor, count: list[int] | None, axis: int, largest: bool, outputs: int
) -> Tensor | tuple[Tensor, Tensor]:
    """The k greatest or least along an axis, sorted; of equal ones the first.

    (...) -> the values and their indices (int64), the axis of length k.
    """
    k = (count or [0])[0]
    ordered, places = torch.sort(values, dim=axis, descending=largest, stable=True)
    top = ordered.narrow(axis, 0, k)
    return top if outputs == 1 else (top, places.narrow(axis, 0, k))


def _from_start(indices: Tensor, size: int) -> Tensor:
    """Indices (int64) that count from the start."""
    indices = indices.long()
    return torch.where(indices < 0, indices + size, indices)


def _flat_places(indices: Tensor, sizes: torch.Size | tuple[int, ...]) -> Tensor:
    """(..., K) indices into axes of K sizes -> (...) indices into their product."""
    places = torch.zeros(indices.shape[:-1], dtype=torch.int64, device=indices.device)
    for position, size in enumerate(sizes):
        places = places * size + _from_start(indices[..., position], size)
    return places


def _written(values: Tensor, axis: int, places: Tensor, updates: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return values.scatter(axis, places, updates)
    if reduction == "add":
        return values.scatter_add(axis, places, updates)
    return values.scatter_reduce(axis, places, updates, REDUCTIONS[reduction], include_self=True)


def scattering(node: Node) -> Converted:
    """ScatterElements-11 to 18, Scatter-9, ScatterND-11 to 18."""
    reduction = str(node.attribute("reduction", "none"))
    if reduction not in ("none", *REDUCTIONS):
        raise NotImplementedError(f"reduction {reduction!r} of what is scattered")
    given = operands(node, 0, 1, 2)
    if node.op == "ScatterND":
        return call(scatter_nd, (), given, reduction=reduction)
    return call(scatter_elements, (), given, axis=int(node.attribute("axis", 0)), reduction=reduction)


def one_hot_of(node: Node) -> Converted:
    """OneHot-9 to 28."""
    axis = int(node.attribute("axis", -1))
    return call(one_hot, node.inputs[:1], numbers(node, 1), operands(node, 2), axis=axis)


def top(node: Node) -> Converted:
    """TopK-1 to 24."""
    settings = {"axis": int(node.attribute("axis", -1)), "largest": node.flag("largest", 1)}
    return call(top_k, node.inputs[:1], stated_or_given(node, "k"), **settings, outputs=len(node.outputs))
