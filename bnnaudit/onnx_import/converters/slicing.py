"""Parts of a tensor and their joining: Slice, Split, Concat."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.operands import Numbers, fixed_numbers, numbers


class Slice(nn.Module):
    """Slice-1 to 13: every step-th value of an axis from start to end, for several axes; a negative step goes backwards.

    bounds: starts, ends, axes (all of them where missing) and steps (1 where missing), each fixed or computed.
    """

    def __init__(self, bounds: Numbers) -> None:
        super().__init__()
        self.bounds = bounds

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> the same number of axes."""
        starts, ends, axes, steps = (bound or [] for bound in self.bounds.whole(computed))
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

    def extra_repr(self) -> str:
        """For people: the bounds."""
        return f"{self.bounds!r}"


class Split(nn.Module):
    """Split-1 to 18: into parts of given sizes, or into `parts` equal ones of which the last may be smaller."""

    def __init__(self, axis: int, parts: int, sizes: Numbers) -> None:
        super().__init__()
        self.axis = axis
        self.parts = parts
        self.sizes = sizes

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor | tuple[Tensor, ...]:
        """(...) -> the parts; a single part is the tensor itself."""
        size = values.shape[self.axis]
        (sizes,) = self.sizes.whole(computed)
        if not sizes:
            part = -(-size // self.parts)
            sizes = [min(part, max(0, size - start)) for start in range(0, self.parts * part, part or 1)]
            sizes += [0] * (self.parts - len(sizes))
        split: tuple[Tensor, ...] = torch.split(values, sizes, dim=self.axis)
        return split[0] if self.parts == 1 else split

    def extra_repr(self) -> str:
        """For people: the axis, the number of parts and their sizes."""
        return f"axis={self.axis}, parts={self.parts}, sizes={self.sizes!r}"


class Concat(nn.Module):
    """Concat-1 to 13: tensors joined along an axis."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, *parts: Tensor) -> Tensor:
        """K tensors that differ along the axis at most -> one."""
        return torch.cat(parts, dim=self.axis)

    def extra_repr(self) -> str:
        """For people: the axis."""
        return f"axis={self.axis}"


def _slice(node: Node) -> Converted:
    if node.version < 10:
        bounds = fixed_numbers(*(node.attribute(name) for name in ("starts", "ends", "axes")), None)
        return Converted(Slice(bounds), node.inputs[:1])
    bounds, names = numbers(node, 1, 2, 3, 4)
    return Converted(Slice(bounds), (node.inputs[0], *names))


def _split(node: Node) -> Converted:
    stated = node.attribute("split")
    sizes, names = (fixed_numbers(stated), ()) if stated is not None else numbers(node, 1)
    parts = len(node.outputs)
    if int(node.attribute("num_outputs", parts)) != parts:
        raise NotImplementedError(f"{node.attribute('num_outputs')} parts for {parts} outputs")
    return Converted(Split(int(node.attribute("axis", 0)), parts, sizes), (node.inputs[0], *names))


def _concat(node: Node) -> Converted:
    return Converted(Concat(int(node.attribute("axis", 1))), node.inputs)


CONVERTERS: dict[str, Converter] = {"Slice": _slice, "Split": _split, "Concat": _concat}
