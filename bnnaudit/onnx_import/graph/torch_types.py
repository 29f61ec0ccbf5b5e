"""Which torch type holds the numbers of each ONNX element type, and arithmetic where torch has none for a type.

Most have a type of their own. Whole numbers of less than eight bits are stored in eight, and floats of eight bits or less
in single precision, where every one of their values is exact and can be differentiated: the values are those of the file,
only the room they take is larger. bfloat16 and float16 are torch's own. Unsigned types of 16 to 64 bits, which torch
stores but hardly computes with, are computed in int64 and converted back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from torch import Tensor

_ALIKE = ("BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
_FLOATS = ("FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16")
TORCH_TYPES: dict[int, torch.dtype] = {
    TensorProto.DataType.Value(name): getattr(torch, name.lower()) for name in (*_FLOATS, *_ALIKE)
}

_NARROW: dict[str, tuple[str, torch.dtype]] = {
    "INT4": ("int4", torch.int8),
    "INT2": ("int2", torch.int8),
    "UINT4": ("uint4", torch.uint8),
    "UINT2": ("uint2", torch.uint8),
    "FLOAT8E4M3FN": ("float8_e4m3fn", torch.float32),
    "FLOAT8E4M3FNUZ": ("float8_e4m3fnuz", torch.float32),
    "FLOAT8E5M2": ("float8_e5m2", torch.float32),
    "FLOAT8E5M2FNUZ": ("float8_e5m2fnuz", torch.float32),
    "FLOAT8E8M0": ("float8_e8m0fnu", torch.float32),
    "FLOAT4E2M1": ("float4_e2m1fn", torch.float32),
}
"""Element types that torch has not, or only stores: the name of the NumPy type, and the torch type that holds its numbers."""
NARROW: dict[str, torch.dtype] = dict(_NARROW.values())
NARROW_TYPES: dict[int, torch.dtype] = {
    TensorProto.DataType.Value(name): kind
    for name, (_, kind) in _NARROW.items()
    if name in TensorProto.DataType.keys()  # noqa: SIM118 - no mapping; the older onnx lacks the last ones
}


def torch_type(element_type: int) -> torch.dtype:
    """The torch type for a TensorProto type; NotImplementedError for strings, complex numbers and what is unknown."""
    found = TORCH_TYPES.get(element_type) or NARROW_TYPES.get(element_type)
    if found is None:
        raise NotImplementedError(f"tensors of {TensorProto.DataType.Name(element_type).lower()}")
    return found


def tensor_of(array: NDArray[Any]) -> Tensor:
    """A NumPy array, of ml_dtypes' types too, as a torch tensor of its own memory."""
    name = array.dtype.name
    if name in NARROW:
        kind = np.float32 if NARROW[name].is_floating_point else (np.int8 if name.startswith("int") else np.uint8)
        return torch.from_numpy(array.astype(kind))
    if name == "bfloat16":
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16)
    if array.dtype.kind not in "fiub":
        raise NotImplementedError(f"tensors of {name}")
    return torch.from_numpy(np.array(array))


def as_float(values: Tensor) -> Tensor:
    """Single precision that holds the values (...), double if they are double."""
    return values if values.dtype in (torch.float32, torch.float64) else values.to(torch.float32)


UNSIGNED = frozenset({torch.uint16, torch.uint32, torch.uint64})


def signed(values: Tensor) -> Tensor:
    """The same numbers in a type that torch computes with; exact below 2^63, above it the bits are kept."""
    return values.to(torch.int64) if values.dtype in UNSIGNED else values


def for_unsigned(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function for operands of any type: a whole-number result has the first operand's unsigned type again."""

    @wraps(function)
    def computed(*operands: Any, **settings: Any) -> Tensor:
        tensors = [operand for operand in operands if isinstance(operand, Tensor)]
        kind = next((tensor.dtype for tensor in tensors if tensor.dtype in UNSIGNED), None)
        if kind is None:
            return function(*operands, **settings)
        plain = (signed(operand) if isinstance(operand, Tensor) else operand for operand in operands)
        result = function(*plain, **settings)
        return result.to(kind) if result.dtype == torch.int64 else result

    return computed
