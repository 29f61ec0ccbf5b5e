"""Sums, means and extrema over axes, whether the axes are an attribute (before version 13 or 18) or an input."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bnnaudit.operators.conversion import Converted, Converter, Node

_Reduction = Callable[[Tensor, list[int], bool], Tensor]


def _product(values: Tensor, axes: list[int], keepdims: bool) -> Tensor:
    for axis in sorted(axes, reverse=True):
        values = values.prod(dim=axis, keepdim=keepdims)
    return values


_REDUCTIONS: dict[str, _Reduction] = {
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keepdim=keep),
    "ReduceL2": lambda x, axes, keep: torch.linalg.vector_norm(x, dim=axes, keepdim=keep),
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keepdim=keep).log(),
    "ReduceLogSumExp": lambda x, axes, keep: x.logsumexp(axes, keepdim=keep),
    "ReduceMax": lambda x, axes, keep: x.amax(axes, keepdim=keep),
    "ReduceMean": lambda x, axes, keep: x.mean(axes, keepdim=keep),
    "ReduceMin": lambda x, axes, keep: x.amin(axes, keepdim=keep),
    "ReduceProd": _product,
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keepdim=keep),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keepdim=keep),
}


class Reduction(nn.Module):
    """One reduction over fixed axes; no axes means all of them, or none with `noop`."""

    def __init__(self, op: str, axes: list[int], keepdims: bool, noop: bool) -> None:
        super().__init__()
        self.op = op
        self.axes = axes
        self.keepdims = keepdims
        self.noop = noop

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> the reduced tensor, reduced axes kept with size 1 if `keepdims`."""
        rank = values.dim()
        axes = [axis % rank for axis in self.axes] if rank else []
        if not axes and self.noop:
            return values
        kept = self.keepdims
        return _REDUCTIONS[self.op](values, axes or list(range(rank)), kept)

    def extra_repr(self) -> str:
        """For people: the operator and its axes."""
        return f"{self.op}, axes={self.axes}, keepdims={self.keepdims}"


def _reduce(node: Node) -> Converted:
    axes = node.integers(1, "axes") or []
    keepdims, noop = bool(node.attribute("keepdims", 1)), bool(node.attribute("noop_with_empty_axes", 0))
    return Converted(Reduction(node.op, axes, keepdims, noop), node.inputs[:1])


CONVERTERS: dict[str, Converter] = dict.fromkeys(_REDUCTIONS, _reduce)
