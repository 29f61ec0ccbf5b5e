"""Values at indices, read and written: Gather, GatherElements, GatherND, ScatterElements, ScatterND, OneHot, NonZero, TopK.

Indices count from the end where they are negative, as ONNX has it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.operands import Numbers, Operands, fixed_numbers, numbers, operands

# ONNX's reductions of what is written to the same place, as torch names them.
REDUCTIONS = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}


class Gather(nn.Module):
    """Gather-1 to 13: the slices of an axis at indices of any shape."""

    def __init__(self, axis: int, tensors: Operands) -> None:
        super().__init__()
        self.axis = axis
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """(a, S, b), indices (I) -> (a, I, b); a, b and I stand for any number of axes."""
        values, indices = _both(self.tensors(*computed))
        axis = self.axis % values.dim()
        flat = values.index_select(axis, _from_start(indices, values.shape[axis]).flatten())
        return flat.reshape(values.shape[:axis] + indices.shape + values.shape[axis + 1 :])

    def extra_repr(self) -> str:
        """For people: the axis."""
        return f"axis={self.axis}"


class GatherElements(nn.Module):
    """GatherElements-11, 13: each value of the result from its own place, but for its own index along the axis."""

    def __init__(self, axis: int, tensors: Operands) -> None:
        super().__init__()
        self.axis = axis
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """(...), indices (I) -> (I)."""
        values, indices = _both(self.tensors(*computed))
        return values.gather(self.axis, _from_start(indices, values.shape[self.axis]))


class GatherND(nn.Module):
    """GatherND-11 to 13: the parts at tuples of indices; the first `batch` axes are walked in step."""

    def __init__(self, batch: int, tensors: Operands) -> None:
        super().__init__()
        self.batch = batch
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """(B, S, b), indices (B, I, number of axes of S) -> (B, I, b)."""
        values, indices = _both(self.tensors(*computed))
        batch, count = values.shape[: self.batch], indices.shape[-1]
        indexed, rest = values.shape[self.batch : self.batch + count], values.shape[self.batch + count :]
        places = _flat_places(indices, indexed).reshape(math.prod(batch), -1)
        flat = values.reshape(math.prod(batch), math.prod(indexed), math.prod(rest))
        places = places[..., None].expand(-1, -1, flat.shape[-1])
        return flat.gather(1, places).reshape(indices.shape[:-1] + rest)


class ScatterElements(nn.Module):
    """ScatterElements-11 to 18, Scatter-9: a copy with updates written where GatherElements would read them."""

    def __init__(self, axis: int, reduction: str, tensors: Operands) -> None:
        super().__init__()
        self.axis = axis
        self.reduction = reduction
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """(...), indices (I), updates (I) -> the first one's shape."""
        values, indices, updates = self.tensors(*computed)
        places = _from_start(indices, values.shape[self.axis])
        return _written(values, self.axis, places, updates, self.reduction)


class ScatterND(nn.Module):
    """ScatterND-11 to 18: a copy with updates written at tuples of indices."""

    def __init__(self, reduction: str, tensors: Operands) -> None:
        super().__init__()
        self.reduction = reduction
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """(S, b), indices (I, number of axes of S), updates (I, b) -> (S, b)."""
        values, indices, updates = self.tensors(*computed)
        count = indices.shape[-1]
        indexed, rest = values.shape[:count], values.shape[count:]
        flat = values.reshape(math.prod(indexed), math.prod(rest))
        places = _flat_places(indices, indexed).reshape(-1, 1).expand(-1, flat.shape[-1])
        return _written(flat, 0, places, updates.reshape(places.shape), self.reduction).reshape(values.shape)


class OneHot(nn.Module):
    """OneHot-9 to 28: an axis of `depth` values, `on` at the index and `off` elsewhere, or everywhere if it is outside."""

    def __init__(self, axis: int, depth: Numbers, levels: Operands) -> None:
        super().__init__()
        self.axis = axis
        self.depth = depth
        self.levels = levels

    def forward(self, indices: Tensor, *computed: Tensor) -> Tensor:
        """indices (...) of any type of number -> one axis more, of the type of `levels` (off, on)."""
        count = sum(self.depth.computed)
        (depth,) = (numbers or [0] for numbers in self.depth.whole(computed[:count]))
        (levels,) = self.levels(*computed[count:])
        axis = self.axis % (indices.dim() + 1)
        places = torch.arange(depth[0], device=indices.device)
        places = places.reshape(-1, *[1] * (indices.dim() - axis))
        hot = _from_start(indices.long(), depth[0]).unsqueeze(axis) == places
        return torch.where(hot, levels[1], levels[0])


class NonZero(nn.Module):
    """NonZero-9, 13: the indices of the values that are not 0, in row-major order."""

    def forward(self, values: Tensor) -> Tensor:
        """(...) of r axes -> (r, count) int64."""
        return values.nonzero().transpose(0, 1)


class TopK(nn.Module):
    """TopK-1 to 24: the k greatest or least along an axis, sorted; of equal ones the first."""

    def __init__(self, axis: int, largest: bool, outputs: int, count: Numbers) -> None:
        super().__init__()
        self.axis = axis
        self.largest = largest
        self.outputs = outputs
        self.count = count

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """(...) -> the values and their indices (int64), the axis of length k."""
        (count,) = (numbers or [0] for numbers in self.count.whole(computed))
        ordered, places = torch.sort(values, dim=self.axis, descending=self.largest, stable=True)
        top = ordered.narrow(self.axis, 0, count[0])
        return top if self.outputs == 1 else (top, places.narrow(self.axis, 0, count[0]))


def _both(tensors: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    values, indices = tensors
    return values, indices


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


def _gather(node: Node) -> Converted:
    tensors, names = operands(node, 0, 1)
    axis = int(node.attribute("axis", 0))
    module = Gather(axis, tensors) if node.op == "Gather" else GatherElements(axis, tensors)
    return Converted(module, names)


def _gather_nd(node: Node) -> Converted:
    tensors, names = operands(node, 0, 1)
    return Converted(GatherND(int(node.attribute("batch_dims", 0)), tensors), names)


def _scatter(node: Node) -> Converted:
    reduction = str(node.attribute("reduction", "none"))
    if reduction not in ("none", *REDUCTIONS):
        raise NotImplementedError(f"reduction {reduction!r} of what is scattered")
    tensors, names = operands(node, 0, 1, 2)
    if node.op == "ScatterND":
        return Converted(ScatterND(reduction, tensors), names)
    return Converted(ScatterElements(int(node.attribute("axis", 0)), reduction, tensors), names)


def _one_hot(node: Node) -> Converted:
    depth, deep = numbers(node, 1)
    levels, leveled = operands(node, 2)
    module = OneHot(int(node.attribute("axis", -1)), depth, levels)
    return Converted(module, (node.inputs[0], *deep, *leveled))


def _top_k(node: Node) -> Converted:
    stated = node.attribute("k")
    count, names = (fixed_numbers([stated]), ()) if stated is not None else numbers(node, 1)
    largest = bool(node.attribute("largest", 1))
    module = TopK(int(node.attribute("axis", -1)), largest, len(node.outputs), count)
    return Converted(module, (node.inputs[0], *names))


CONVERTERS: dict[str, Converter] = {
    "Gather": _gather,
    "GatherElements": _gather,
    "GatherND": _gather_nd,
    "ScatterElements": _scatter,
    "Scatter": _scatter,
    "ScatterND": _scatter,
    "OneHot": _one_hot,
    "NonZero": lambda node: Converted(NonZero(), node.inputs[:1]),
    "TopK": _top_k,
}
