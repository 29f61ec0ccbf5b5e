"""Arrays and tensors that Python was given, with or without labels."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnnaudit.core.errors import DataError, one_line
from bnnaudit.data.given_units import Feeding, units_of_given
from bnnaudit.data.labels import class_indices
from bnnaudit.data.npz_keys import RANGE, find_keys
from bnnaudit.data.npz_units import NetworkUnits, units_of
from bnnaudit.data.source import ArraySource, GivenSource

SHAPES = "(N, H, W), (N, H, W, C), (N, C, H, W) or (N, features)"


def open_arrays(
    images: object, labels: object = None, feeding: Feeding | None = None, stated: object = None
) -> ArraySource | GivenSource:
    """Images and their labels as a source; `stated` is the range of the images, where that comes with them.

    Raises DataError for another shape, values that are no finite numbers, or out of every range that they may be in.
    """
    feeding = feeding or Feeding()
    kind = "tensors" if isinstance(images, Tensor) else "arrays"
    where = f"{kind} in memory"
    values = as_array(images, f"{where}: images")
    if values.ndim not in (2, 3, 4) or 0 in values.shape:
        raise DataError(f"{where}: images have shape {values.shape}; they are needed as {SHAPES}, and at least one")
    targets = None if labels is None else class_indices(where, as_array(labels, f"{where}: labels"), len(values))
    sha256 = sha256_of_arrays(values, targets)
    if stated is not None:
        units, note = units_of(where, "x", values, as_array(stated, f"{where}: {RANGE}"), NetworkUnits())
        return ArraySource(named(where, note), values, units, targets, sha256)
    found = units_of_given(where, values, feeding)
    name = named(where, found.note)
    if found.feeding is None:
        return ArraySource(name, values, found.box, targets, sha256)
    return GivenSource(
        name=name,
        length=len(values),
        images=lambda ids: found.undone(values[ids]),
        numbers=None if targets is None else lambda ids: targets[ids],
        units=found.box,
        sha256=sha256,
        held=np.arange(len(values), dtype=np.int64),
    )


def open_mapping(arrays: Mapping[str, object], feeding: Feeding | None = None) -> ArraySource | GivenSource:
    """Arrays by name, as an `.npz` file holds them."""
    keys = find_keys("data", [str(name) for name in arrays])
    labels = None if keys.labels is None else arrays[keys.labels]
    return open_arrays(arrays[keys.images], labels, feeding, arrays.get(RANGE))


def as_array(values: object, where: str) -> NDArray[Any]:
    """An array of numbers or words; raises DataError for what NumPy makes none of."""
    if isinstance(values, Tensor):
        tensor = values.detach().cpu()
        return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy()
    try:
        array = np.asarray(values)
    except Exception as error:  # whatever the caller's objects raise
        raise DataError(f"{where} are no array ({type(error).__name__}: {one_line(error, 120)})") from error
    if array.dtype.hasobject:
        raise DataError(f"{where} are no array of numbers but a {type(values).__name__}; give an array or a tensor")
    return array


def sha256_of_arrays(images: NDArray[Any], labels: NDArray[np.int64] | None) -> str:
    """SHA-256 (hexadecimal) of the bytes of images and labels."""
    digest = hashlib.sha256(np.ascontiguousarray(images).tobytes())
    if labels is not None:
        digest.update(labels.tobytes())
    return digest.hexdigest()


def named(name: str, note: str) -> str:
    """`arrays in memory (floats taken as pixels 0..255)`."""
    return f"{name} ({note})" if note else name
