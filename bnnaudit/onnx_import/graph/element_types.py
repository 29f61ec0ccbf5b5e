"""The element types that quantized tensors have in a file, and the numbers that each can hold."""

from __future__ import annotations

import math

from onnx import TensorProto

from bnnaudit.quantization.grids import Grid

_GRIDS: dict[str, Grid] = {
    "INT2": Grid.whole(2, signed=True),
    "UINT2": Grid.whole(2, signed=False),
    "INT4": Grid.whole(4, signed=True),
    "UINT4": Grid.whole(4, signed=False),
    "INT8": Grid.whole(8, signed=True),
    "UINT8": Grid.whole(8, signed=False),
    "INT16": Grid.whole(16, signed=True),
    "UINT16": Grid.whole(16, signed=False),
    "FLOAT4E2M1": Grid.floats(4, mantissa=1, bias=1, high=6.0),
    "FLOAT8E4M3FN": Grid.floats(8, mantissa=3, bias=7, high=448.0),
    "FLOAT8E4M3FNUZ": Grid.floats(8, mantissa=3, bias=8, high=240.0),
    "FLOAT8E5M2": Grid.floats(8, mantissa=2, bias=15, high=57344.0, beyond=math.inf),
    "FLOAT8E5M2FNUZ": Grid.floats(8, mantissa=2, bias=16, high=57344.0),
}

GRIDS: dict[int, Grid] = {
    TensorProto.DataType.Value(name): grid
    for name, grid in _GRIDS.items()
    if name in TensorProto.DataType.keys()  # noqa: SIM118 - no mapping
}
"""Types of the installed onnx; the older ones lack the last ones."""

SHORT = frozenset(GRIDS)
WHOLE = frozenset({TensorProto.INT32, TensorProto.INT64})
HALVES = frozenset({TensorProto.FLOAT16, TensorProto.BFLOAT16})


def grid_of(element_type: int, lowest: float | None = None, highest: float | None = None) -> Grid:
    """The numbers of a type, or those from lowest to highest; NotImplementedError where quantized tensors do not have it."""
    if lowest is not None and highest is not None:
        return Grid.between(lowest, highest)
    if element_type not in GRIDS:
        known = element_type in TensorProto.DataType.values()
        raise NotImplementedError(
            f"quantization to {TensorProto.DataType.Name(element_type).lower() if known else element_type}"
        )
    return GRIDS[element_type]
