"""How large a value of a network may be: a file of a few bytes can ask for more memory than any machine has."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from onnx import GraphProto, ValueInfoProto
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from bnnaudit.core.errors import ModelError
from bnnaudit.core.file_limits import LARGEST_COMPUTED, LARGEST_OF_IMAGE, LARGEST_VALUE, Limit
from bnnaudit.core.limits import limited

aten = torch.ops.aten
NEVER_LARGER = frozenset(
    {
        *(
            aten.cat,
            aten.stack,
            aten.clone,
            aten.copy_,
            aten.fill_,
            aten.select,
            aten.slice,
            aten.view,
            aten._unsafe_view,
        ),
        *(aten.mean, aten.sum, aten.amax, aten.amin, aten.argmax, aten.max, aten.min, aten.all, aten.any),
        *(aten.allclose, aten.equal, aten.is_nonzero, aten.item, aten._local_scalar_dense),
        *(aten.native_batch_norm, aten.native_layer_norm, aten.native_group_norm, aten._softmax, aten._log_softmax),
    }
)
"""Operations whose results hold at most as many numbers as all that they are given, so that these alone need to be counted."""


def check_sizes(graph: GraphProto) -> None:
    """Refuse a graph with a value that its known shape makes too large; raises ModelError."""
    _check_all((*graph.input, *graph.value_info, *graph.output), LARGEST_VALUE)


def largest_of_image(graph: GraphProto) -> int:
    """Numbers in the largest known value that each image has, where the batch is open; 1 where none is known."""
    shapes = [info.type.tensor_type.shape.dim for info in (*graph.input, *graph.value_info, *graph.output)]
    opened = [dims for dims in shapes if dims and not dims[0].HasField("dim_value")]
    return max((math.prod(dim.dim_value for dim in dims if dim.HasField("dim_value")) for dims in opened), default=1)


def check_computed(graph: GraphProto, largest_stored: int) -> None:
    """The same for a part of a graph that is computed once from stored tensors, which may not grow much."""
    largest = min(LARGEST_VALUE.most, max(LARGEST_COMPUTED.most, 4 * largest_stored))
    _check_all((*graph.value_info, *graph.output), replace(LARGEST_COMPUTED, most=largest))


def _check_all(values: Iterable[ValueInfoProto], largest: Limit) -> None:
    for info in values if limited() else ():
        dims = info.type.tensor_type.shape.dim
        sizes = [dim.dim_value for dim in dims if dim.HasField("dim_value")]
        opened = bool(dims) and not dims[0].HasField("dim_value")
        limit = min(LARGEST_OF_IMAGE, largest, key=lambda one: one.most) if opened else largest
        if limit.exceeded_by(math.prod(sizes)):
            raise ModelError(_too_large(f"value {info.name!r}", sizes, limit))


class SizeGuard(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, an operation whose result would be too large raises ModelError before anything is allocated.

    Shapes come from the operation on tensors without storage; an operation that has no such form passes.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; by default PyTorch loads its compiler to find that out, a second of processor time."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """The operation, once its results are known to be small enough."""
        given = max((leaf.numel() for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)), default=0)
        for result in _shadows(func, args, kwargs or {}) if limited() else ():
            # Weights that are there already may be larger, and are looked at in other shapes.
            if result.numel() > given and LARGEST_VALUE.exceeded_by(result.numel()):
                raise ModelError(
                    _too_large(f"the result of {func.overloadpacket.__name__}", result.shape, LARGEST_VALUE)
                )
        return func(*args, **(kwargs or {}))


def _shadows(func: Any, args: Any, kwargs: Any) -> list[Tensor]:
    # As some of these are done without storage PyTorch loads its compiler, which takes a second.
    tensors = [tensor for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)]
    if torch.Tag.pointwise in func.tags:
        return _broadcast(tensors)
    if func.overloadpacket in NEVER_LARGER and sum(tensor.numel() for tensor in tensors) <= LARGEST_VALUE.most:
        return []
    if func is torch.ops.aten.addmm.default:
        return [torch.empty(len(args[1]), args[2].shape[1], device="meta")]
    given, settings = tree_map_only(Tensor, _shadow, (args, kwargs))
    if "device" in settings:
        settings["device"] = torch.device("meta")
    try:
        results = func(*given, **settings)
    except Exception:  # no form without storage, or an error that the operation itself will raise
        return []
    return [result for result in tree_leaves(results) if isinstance(result, Tensor)]


def _broadcast(tensors: list[Tensor]) -> list[Tensor]:
    """A tensor without storage of the shape that all of these are brought to."""
    try:
        shape = torch.broadcast_shapes(*(tensor.shape for tensor in tensors))  # type: ignore[no-untyped-call]
    except RuntimeError:  # the operation itself will raise it
        return []
    return [torch.empty(shape, device="meta")]


def _shadow(tensor: Tensor) -> Tensor:
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def _too_large(what: str, sizes: Iterable[int], largest: Limit) -> str:
    return largest.refused(f"{what} would hold {' x '.join(map(str, sizes))} {largest.unit}")
