"""Parts of a tensor and their joining: Slice, Split, Concat."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.operands import call, fixed_numbers, numbers, stated_or_given

Numbers = list[int] | None


def sliced(values: Tensor, starts: Numbers, ends: Numbers, axes: Numbers, steps: Numbers) -> Tensor:
    """Every step-th value of an axis from start to end, for several axes; a negative step goes backwards.

    (...) -> the same number of axes. axes: all of them where missing, steps: 1 where missing.
    """
    starts, ends = starts or [], ends or []
    for start, end, axis, step in zip(
        starts, ends, axes or range(len(starts)), steps or [1] * len(starts), strict=True
    ):
        first, last, stride = slice(start, end, step).indices(values.shape[axis])
        if stride < 0:
            # The same values counted from the other end.
            values = values.flip(axis)
            first, last, stride = values.shape[axis] - 1 - first, values.shape[axis] - 1 - last, -stride
        index = [slice(None)] * (axis % values.dim()) + [slice(first, max(first, last), stride)]
        values = values[tuple(index)]
    return values


def split(values: Tensor, sizes: Numbers, axis: int, parts: int) -> Tensor | tuple[Tensor, ...]:
    """(...) -> parts of given sizes, or `parts` equal ones of which the last may be smaller; a single part is the tensor."""
    size = values.shape[axis]
    if not sizes:
        part = -(-size // parts)
        sizes = [min(part, max(0, size - start)) for start in range(0, parts * part, part or 1)]
        sizes += [0] * (parts - len(sizes))
    pieces: tuple[Tensor, ...] = torch.split(values, sizes, dim=axis)
    return pieces[0] if parts == 1 else pieces


def slicing(node: Node) -> Converted:
    """Slice-1 to 13."""
    if node.version < 10:
        bounds = fixed_numbers(*(node.attribute(name) for name in ("starts", "ends", "axes")), None)
        return call(sliced, node.inputs[:1], bounds)
    return call(sliced, node.inputs[:1], numbers(node, 1, 2, 3, 4))


def splitting(node: Node) -> Converted:
    """Split-1 to 18."""
    parts = len(node.outputs)
    if int(node.attribute("num_outputs", parts)) != parts:
        raise NotImplementedError(f"{node.attribute('num_outputs')} parts for {parts} outputs")
    axis = int(node.attribute("axis", 0))
    return call(split, node.inputs[:1], stated_or_given(node, "split"), axis=axis, parts=parts)


def concatenation(node: Node) -> Converted:
    """Concat-1 to 13."""
    axis = int(node.attribute("axis", 1))
    return call(lambda *parts: torch.cat(parts, dim=axis), node.inputs)
