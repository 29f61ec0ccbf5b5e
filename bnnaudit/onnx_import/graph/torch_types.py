"""Which torch type carries each ONNX element type.

Most have one of their own. Whole numbers of less than eight bits travel in eight, and floats of eight bits or less in
single precision, where every one of their values is exact and can be differentiated: the values are those of the file,
only the room they take is larger. bfloat16 and float16 are torch's own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import TensorProto
from torch import Tensor

CARRIERS: dict[int, torch.dtype] = {
    TensorProto.FLOAT: torch.float32,
    TensorProto.DOUBLE: torch.float64,
    TensorProto.FLOAT16: torch.float16,
    TensorProto.BFLOAT16: torch.bfloat16,
    TensorProto.BOOL: torch.bool,
    TensorProto.INT8: torch.int8,
    TensorProto.INT16: torch.int16,
    TensorProto.INT32: torch.int32,
    TensorProto.INT64: torch.int64,
    TensorProto.UINT8: torch.uint8,
    TensorProto.UINT16: torch.uint16,
    TensorProto.UINT32: torch.uint32,
    TensorProto.UINT64: torch.uint64,
}

# Element types that torch has not, or only stores: name of the NumPy type -> carrier.
NARROW: dict[str, torch.dtype] = {
    "int4": torch.int8,
    "int2": torch.int8,
    "uint4": torch.uint8,
    "uint2": torch.uint8,
    "float8_e4m3fn": torch.float32,
    "float8_e4m3fnuz": torch.float32,
    "float8_e5m2": torch.float32,
    "float8_e5m2fnuz": torch.float32,
    "float8_e8m0fnu": torch.float32,
    "float4_e2m1fn": torch.float32,
}

NARROW_TYPES: dict[int, torch.dtype] = {
    TensorProto.DataType.Value(name): NARROW[numpy_name]
    for name, numpy_name in {
        "INT4": "int4",
        "INT2": "int2",
        "UINT4": "uint4",
        "UINT2": "uint2",
        "FLOAT8E4M3FN": "float8_e4m3fn",
        "FLOAT8E4M3FNUZ": "float8_e4m3fnuz",
        "FLOAT8E5M2": "float8_e5m2",
        "FLOAT8E5M2FNUZ": "float8_e5m2fnuz",
        "FLOAT8E8M0": "float8_e8m0fnu",
        "FLOAT4E2M1": "float4_e2m1fn",
    }.items()
    if name in TensorProto.DataType.keys()  # noqa: SIM118 - no mapping; the older onnx lacks the last ones
}


def carrier(element_type: int) -> torch.dtype:
    """The torch type for a TensorProto type; NotImplementedError for strings, complex numbers and what is unknown."""
    found = CARRIERS.get(element_type) or NARROW_TYPES.get(element_type)
    if found is None:
        raise NotImplementedError(f"tensors of {TensorProto.DataType.Name(element_type).lower()}")
    return found


def carried(array: NDArray[Any]) -> Tensor:
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
