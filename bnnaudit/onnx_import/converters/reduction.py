"""Sums, means, norms and extrema over axes, whether the axes are an attribute (before version 13 or 18) or an input."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.unsigned import through_signed
from bnnaudit.onnx_import.operands import Numbers, fixed_numbers, numbers

_Reduction = Callable[[Tensor, list[int], bool], Tensor]


def _product(values: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        values = values.prod(dim=axis, keepdim=keepdims)
    return values


def _norm(values: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    """The Euclidean norm, whose gradient at 0 is 0."""
    plain = values if values.is_floating_point() else values.double()
    norm: Tensor = torch.linalg.vector_norm(plain, dim=axes, keepdim=keepdims)
    return norm


def _mean(values: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    """Whole numbers are divided towards zero."""
    if values.is_floating_point():
        return values.mean(axes, keepdim=keepdims)
    total = values.sum(axes, keepdim=keepdims)
    return torch.div(total, math.prod(values.shape[axis] for axis in axes), rounding_mode="trunc")


def _maximum(values: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    """The least number of the type where there is nothing."""
    if any(values.shape[axis] == 0 for axis in axes):
        return _filled(values, axes, keepdims, _extremes(values)[0])
    return values.amax(axes, keepdim=keepdims)


def _minimum(values: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    """The greatest number of the type where there is nothing."""
    if any(values.shape[axis] == 0 for axis in axes):
        return _filled(values, axes, keepdims, _extremes(values)[1])
    return values.amin(axes, keepdim=keepdims)


def _extremes(values: Tensor) -> tuple[float, float]:
    if values.is_floating_point():
        return -math.inf, math.inf
    if values.dtype == torch.bool:
        return 0, 1
    limits = torch.iinfo(values.dtype)
    return limits.min, limits.max


def _filled(values: Tensor, axes: list[int], keepdims: bool, fill: float) -> Tensor:
    sizes = [1 if axis in axes else size for axis, size in enumerate(values.shape) if keepdims or axis not in axes]
    return values.new_full(sizes, fill)


REDUCTIONS: dict[str, _Reduction] = {
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keepdim=keep),
    "ReduceL2": _norm,
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keepdim=keep).log(),
    "ReduceLogSumExp": lambda x, axes, keep: x.logsumexp(axes, keepdim=keep),
    "ReduceMax": _maximum,
    "ReduceMean": _mean,
    "ReduceMin": _minimum,
    "ReduceProd": _product,
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keepdim=keep),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keepdim=keep),
}


class Reduction(nn.Module):
    """One reduction over axes that are fixed or computed; no axes means all of them, or no reduction with `noop`."""

    def __init__(self, op: str, axes: Numbers, keepdims: bool, noop: bool) -> None:
        super().__init__()
        self.op = op
        self.axes = axes
        self.keepdims = keepdims
        self.noop = noop

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> the reduced tensor of the same type, reduced axes kept with size 1 if `keepdims`."""
        (stated,) = self.axes.whole(computed)
        rank = values.dim()
        axes = [axis % rank for axis in stated or []] if rank else []
        if not axes and self.noop:
            return values
        reduced = through_signed(lambda x: self._reduced(x, axes or list(range(rank))))(values)
        return reduced.to(values.dtype)

    def _reduced(self, values: Tensor, axes: list[int]) -> Tensor:
        if not values.dim():
            return REDUCTIONS[self.op](values.reshape(1), [0], False)
        return REDUCTIONS[self.op](values, axes, self.keepdims)

    def extra_repr(self) -> str:
        """For people: the operator and its axes."""
        return f"{self.op}, axes={self.axes}, keepdims={self.keepdims}"


def _reduce(node: Node) -> Converted:
    axes, computed = numbers(node, 1)
    stated = node.attribute("axes")
    if stated is not None:
        axes, computed = fixed_numbers(stated), ()
    keepdims, noop = bool(node.attribute("keepdims", 1)), bool(node.attribute("noop_with_empty_axes", 0))
    return Converted(Reduction(node.op, axes, keepdims, noop), (node.inputs[0], *computed))


CONVERTERS: dict[str, Converter] = dict.fromkeys(REDUCTIONS, _reduce)
