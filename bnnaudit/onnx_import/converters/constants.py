"""Operators that make a tensor out of a shape or of a few numbers: ConstantOfShape, Range, EyeLike."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.graph.torch_types import carried, carrier
from bnnaudit.onnx_import.operands import Numbers, Operands, numbers, operands


class Filled(nn.Module):
    """A tensor of a fixed or computed shape, every element the same number."""

    value: Tensor

    def __init__(self, value: Tensor, shape: Numbers) -> None:
        super().__init__()
        self.register_buffer("value", value)
        self.shape = shape

    def forward(self, *computed: Tensor) -> Tensor:
        """The computed shape, if it is -> a tensor of that shape."""
        (shape,) = self.shape.whole(computed)
        return self.value.expand(shape or []).clone()


class Range(nn.Module):
    """start, start + delta, ... as long as limit is not reached."""

    def __init__(self, given: Operands) -> None:
        super().__init__()
        self.given = given

    def forward(self, *computed: Tensor) -> Tensor:
        """Three single numbers, the computed ones among them given -> (K,) of the first one's type."""
        ends = [bound for bound in self.given(*computed) if bound is not None]
        start, limit, delta = (bound.item() for bound in ends)
        count = max(math.ceil((limit - start) / delta), 0)
        steps = torch.arange(count, device=ends[0].device)
        wide = torch.float64 if ends[0].is_floating_point() else torch.int64
        made: Tensor = start + steps.to(wide) * delta
        return made.to(ends[0].dtype)


class EyeLike(nn.Module):
    """Ones on the diagonal that lies `offset` columns to the right of the main one, zeros elsewhere."""

    def __init__(self, offset: int, target: torch.dtype | None) -> None:
        super().__init__()
        self.offset = offset
        self.target = target

    def forward(self, values: Tensor) -> Tensor:
        """(R, C), or (R,) for a square -> the same shape (R, C), of the target type or the same one."""
        rows = torch.arange(values.shape[0], device=values.device)
        columns = torch.arange(values.shape[-1], device=values.device)
        return (rows.unsqueeze(1) + self.offset == columns).to(self.target or values.dtype)


def _constant(node: Node) -> Converted:
    """Constants of numbers are stored before nodes are converted; what is left holds something else."""
    raise NotImplementedError("a constant that is no dense tensor of numbers")


def _filled(node: Node) -> Converted:
    stored = node.attribute("value")
    value = torch.zeros(1) if stored is None else carried(stored.to_numpy().reshape(1))
    shape, computed = numbers(node, 0)
    return Converted(Filled(value[0], shape), computed)


def _range(node: Node) -> Converted:
    given, computed = operands(node, 0, 1, 2)
    return Converted(Range(given), computed)


def _eye(node: Node) -> Converted:
    target = node.attribute("dtype")
    kind = None if target is None else carrier(int(target))
    return Converted(EyeLike(int(node.attribute("k", 0)), kind), node.inputs)


CONVERTERS: dict[str, Converter] = {
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "EyeLike": _eye,
    "Range": _range,
}
