"""Large weights stay in their file: a stored tensor that says where its bytes are instead of holding them.

It is an ONNX tensor with external data whose location is an absolute path; whoever wrote that path has checked it.
"""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

LARGE = 1 << 16
"""A tensor with fewer bytes is not worth it, and may be a shape or the like that whoever infers shapes must see; not tuned."""


def points(tensor: TensorProto) -> bool:
    """Whether a tensor's values lie in a file."""
    return bool(tensor.data_location == TensorProto.EXTERNAL)


def point_to(tensor: TensorProto, path: Path, offset: int, length: int) -> None:
    """Let a tensor, which keeps its name, type and shape, take its values from a file."""
    tensor.ClearField("raw_data")
    del tensor.external_data[:]
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", str(path)), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)


def array_of(tensor: TensorProto) -> NDArray[Any]:
    """The values of a tensor, from wherever they are."""
    kind = helper.tensor_dtype_to_np_dtype(tensor.data_type) if points(tensor) else None
    if kind is None or kind.kind not in "fiub":
        return np.asarray(numpy_helper.to_array(with_values(tensor)))
    path, offset, length = _place(tensor)
    array = np.fromfile(path, kind.newbyteorder("<"), length // kind.itemsize, offset=offset)
    return array.astype(kind, copy=False).reshape(tuple(tensor.dims))


def with_values(tensor: TensorProto) -> TensorProto:
    """The tensor itself, or one that holds the values if it does not."""
    if not points(tensor):
        return tensor
    path, offset, length = _place(tensor)
    with path.open("rb") as file:
        file.seek(offset)
        return TensorProto(
            name=tensor.name, data_type=tensor.data_type, dims=list(tensor.dims), raw_data=file.read(length)
        )


def whole(model: ModelProto) -> ModelProto:
    """A copy of a model with all values in it."""
    copy = deepcopy(model)
    for tensor in copy.graph.initializer:
        if points(tensor):
            tensor.CopyFrom(with_values(tensor))
    return copy


def stated_length(tensor: TensorProto) -> int:
    """How many bytes a tensor takes in its file."""
    return _place(tensor)[2]


def _place(tensor: TensorProto) -> tuple[Path, int, int]:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    return Path(entries["location"]), int(entries["offset"]), int(entries["length"])
