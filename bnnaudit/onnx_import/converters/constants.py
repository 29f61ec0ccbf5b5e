"""Operators that make a tensor out of a shape or of a few numbers: ConstantOfShape, Range, EyeLike."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.torch_types import tensor_of, torch_type
from bnnaudit.onnx_import.operands import Operands, call, numbers


def filled(value: Tensor, shape: list[int] | None) -> Tensor:
    """A tensor of a shape, every element the same number; value ()."""
    return value.expand(shape or []).clone()


def arange(*ends: Tensor) -> Tensor:
    """start, limit, delta () -> (K,) of the first one's type: start, start + delta, ... as long as limit is not reached."""
    start, limit, delta = (bound.item() for bound in ends)
    count = max(math.ceil((limit - start) / delta), 0)
    steps = torch.arange(count, device=ends[0].device)
    wide = torch.float64 if ends[0].is_floating_point() else torch.int64
    made: Tensor = start + steps.to(wide) * delta
    return made.to(ends[0].dtype)


def eye_like(values: Tensor, offset: int, target: torch.dtype | None) -> Tensor:
    """(R, C), or (R,) for a square -> (R, C), ones on the diagonal `offset` columns right of the main one, else zeros."""
    rows = torch.arange(values.shape[0], device=values.device)
    columns = torch.arange(values.shape[-1], device=values.device)
    return (rows.unsqueeze(1) + offset == columns).to(target or values.dtype)


def constant_of_shape(node: Node) -> Converted:
    """ConstantOfShape."""
    stored = node.attribute("value")
    value = torch.zeros(1) if stored is None else tensor_of(stored.to_numpy().reshape(1))
    return call(filled, (), (Operands([value[0]]), ()), numbers(node, 0))


def eye(node: Node) -> Converted:
    """EyeLike."""
    target = node.attribute("dtype")
    kind = None if target is None else torch_type(int(target))
    return call(eye_like, node.inputs, offset=int(node.attribute("k", 0)), target=kind)
