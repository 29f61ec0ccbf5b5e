"""ONNX's shape inference on an untrusted model: what would crash the process is refused or held back."""

from __future__ import annotations

from copy import deepcopy

import onnx
from onnx import ModelProto, NodeProto, helper

from bnnaudit.core.errors import ModelError
from bnnaudit.onnx_import.graph.graph import STANDARD_DOMAIN

LONGEST_LIST = 2**16
"""Numbers in a list that may be a shape; not tuned."""

FRAGILE = frozenset({"Slice", "DynamicSlice"})
"""The inference of these aborts the process where an axis is negative, as it may follow from other nodes."""

MOST_LEVELS = 8
"""Fragile nodes in a row that are let in by and by. Each costs an inference of the whole model: a chain of 1,000 took 13 s.
Networks in use have a few. What aborts behind more of them does so in the process that tries a file first. Not tuned."""

_HIDDEN = "bnnaudit.hidden"


def safely_inferred(model: ModelProto) -> ModelProto:
    """A copy with the shapes and types that can be inferred; ModelError for a negative axis, and what ONNX raises.

    Fragile nodes are let in by and by, each only once the shapes of all that it depends on are known to be sound.
    """
    levels = _levels(list(model.graph.node))
    for level in range(1, min(max(levels, default=0), MOST_LEVELS) + 1):
        _check(_inferred(_hiding(model, [found >= level for found in levels])))
    inferred = _inferred(model)
    _check(inferred)
    return inferred


def _levels(nodes: list[NodeProto]) -> list[int]:
    """How many fragile nodes in a row each fragile node ends, itself included; 0 for all other nodes."""
    behind: dict[str, int] = {}
    levels = []
    for node in nodes:
        fragile = (node.op_type in FRAGILE and node.domain == STANDARD_DOMAIN) or any(
            entry.HasField("g") or entry.graphs for entry in node.attribute
        )
        depth = max((behind.get(name, 0) for name in node.input), default=0) + fragile
        behind.update((name, depth) for name in node.output)
        levels.append(depth if fragile else 0)
    return levels


def _hiding(model: ModelProto, hidden: list[bool]) -> ModelProto:
    """A copy in which some nodes are of an operator that nobody knows."""
    copy = deepcopy(model)
    copy.opset_import.append(helper.make_opsetid(_HIDDEN, 1))
    for node, hide in zip(copy.graph.node, hidden, strict=True):
        if hide:
            node.op_type, node.domain = "Hidden", _HIDDEN
            del node.attribute[:]
    return copy


def _inferred(model: ModelProto) -> ModelProto:
    """The inference that follows the values of shapes too, but takes any list of numbers for one: long ones forbid it."""
    plain = onnx.shape_inference.infer_shapes(model)
    values = (*plain.graph.input, *plain.graph.value_info, *plain.graph.output)
    lists = (info.type.tensor_type.shape.dim for info in values)
    if any(len(dims) == 1 and dims[0].dim_value > LONGEST_LIST for dims in lists):
        return plain
    return onnx.shape_inference.infer_shapes(model, data_prop=True)


def _check(model: ModelProto) -> None:
    for info in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        sizes = [dim.dim_value for dim in info.type.tensor_type.shape.dim if dim.HasField("dim_value")]
        if any(size < 0 for size in sizes):
            raise ModelError(f"value {info.name!r} would have the shape {' x '.join(map(str, sizes))}")
