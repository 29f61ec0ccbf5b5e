"""Stored tensors that onnx2torch cannot hand to a module, which holds them itself: of types that NumPy lacks, or large."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnx import TensorProto
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted
from bnnaudit.onnx_import.graph.external_weights import array_of, points
from bnnaudit.onnx_import.graph.torch_types import NARROW_TYPES, carried

NOT_OF_NUMPY = frozenset({*NARROW_TYPES, TensorProto.BFLOAT16})


class Holding(nn.Module):
    """A module some of whose inputs are tensors of its own, at the positions that `held` names."""

    def __init__(self, module: nn.Module, held: Mapping[int, Tensor], count: int) -> None:
        super().__init__()
        self.module = module
        self.positions = [position in held for position in range(count)]
        for position, tensor in held.items():
            self.register_buffer(f"held_{position}", tensor)

    def forward(self, *given: Tensor) -> Any:
        """The other inputs, in their order -> what the module returns."""
        rest = iter(given)
        inputs = [getattr(self, f"held_{i}") if held else next(rest) for i, held in enumerate(self.positions)]
        return self.module(*inputs)


def _must_be_held(tensor: TensorProto) -> bool:
    return tensor.data_type in NOT_OF_NUMPY or points(tensor)


def bind_carried(converted: Converted, initializers: Mapping[str, Any]) -> Converted:
    """The same node, taking no stored tensor of such a type as an input."""
    held = {
        position: carried(array_of(initializers[name].proto))
        for position, name in enumerate(converted.inputs)
        if name in initializers and _must_be_held(initializers[name].proto)
    }
    if not held:
        return converted
    rest = tuple(name for position, name in enumerate(converted.inputs) if position not in held)
    return Converted(Holding(converted.module, held, len(converted.inputs)), rest)
