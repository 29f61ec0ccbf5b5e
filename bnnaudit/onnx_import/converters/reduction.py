"""Sums, means, norms and extrema over axes, whether the axes are an attribute (before version 13 or 18) or an input."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.torch_types import for_unsigned
from bnnaudit.onnx_import.operands import call, stated_or_given

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


def _extremum(values: Tensor, axes: list[int], keepdims: bool, greatest: bool) -> Tensor:
    """Where there is nothing: the least number of the type for the greatest, and the other way round."""
    if all(values.shape[axis] for axis in axes):
        return values.amax(axes, keepdim=keepdims) if greatest else values.amin(axes, keepdim=keepdims)
    sizes = [1 if axis in axes else size for axis, size in enumerate(values.shape) if keepdims or axis not in axes]
    least, most = _range(values.dtype)
    return values.new_full(sizes, least if greatest else most)


def _range(kind: torch.dtype) -> tuple[float, float]:
    if kind.is_floating_point:
        return -math.inf, math.inf
    return (0, 1) if kind == torch.bool else (torch.iinfo(kind).min, torch.iinfo(kind).max)


REDUCTIONS: dict[str, _Reduction] = {
    "ReduceL1": lambda x, axes, keep: x.abs().sum(axes, keepdim=keep),
    "ReduceL2": _norm,
    "ReduceLogSum": lambda x, axes, keep: x.sum(axes, keepdim=keep).log(),
    "ReduceLogSumExp": lambda x, axes, keep: x.logsumexp(axes, keepdim=keep),
    "ReduceMax": lambda x, axes, keep: _extremum(x, axes, keep, greatest=True),
    "ReduceMean": _mean,
    "ReduceMin": lambda x, axes, keep: _extremum(x, axes, keep, greatest=False),
    "ReduceProd": _product,
    "ReduceSum": lambda x, axes, keep: x.sum(axes, keepdim=keep),
    "ReduceSumSquare": lambda x, axes, keep: x.square().sum(axes, keepdim=keep),
}


@for_unsigned
def reduced(values: Tensor, stated: list[int] | None, op: str, keepdims: bool, noop: bool) -> Tensor:
    """One of `REDUCTIONS` over axes; no axes means all of them, or no reduction with `noop`.

    (...) -> the reduced tensor of the same type, reduced axes kept with size 1 if `keepdims`.
    """
    rank = values.dim()
    axes = [axis % rank for axis in stated or []] if rank else []
    if not axes and noop:
        return values
    given = (values, axes or list(range(rank)), keepdims) if rank else (values.reshape(1), [0], False)
    return REDUCTIONS[op](*given).to(values.dtype)


def reduction(node: Node) -> Converted:
    """One of `REDUCTIONS`, with its axes as an attribute or, since version 13 or 18, an input."""
    settings = {"keepdims": node.flag("keepdims", 1), "noop": node.flag("noop_with_empty_axes")}
    return call(reduced, node.inputs[:1], stated_or_given(node, "axes"), op=node.op, **settings)
