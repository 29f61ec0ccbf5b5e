"""Images and labels in memory, and how much memory is too much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.errors import DataError
from bnnaudit.core.file_limits import ARRAY_BYTES
from bnnaudit.core.threat import Box


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """Images of one shape.

    name: what a report calls the data. values (N, H, W), (N, H, W, C), (N, C, H, W) or (N, features), all inside `units`: the
    range that stands for black to white. targets (N,): class indices, None for data without labels. sha256: of the file that
    they came from. class_names: the classes in the order of their labels, where the data name them.
    """

    name: str
    values: NDArray[np.generic]
    units: Box
    targets: NDArray[np.int64] | None
    sha256: str
    class_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        """The images at `indices`, in the order asked for."""
        return self.values[indices]


@dataclass(frozen=True, slots=True, eq=False)
class GivenSource:
    """Images of one shape that a caller of the library holds, and that are read, or computed, only when they are asked for.

    images: those at `indices`, in the order asked for, all inside `units`, as of an `ArraySource`; numbers: their class indices,
    None for data without labels. held: the indices, rising, of images that are in memory already, one at least. sha256: of what
    was read to draw the sample.
    """

    name: str
    length: int
    images: Callable[[NDArray[np.int64]], NDArray[np.generic]]
    numbers: Callable[[NDArray[np.int64]], NDArray[np.int64]] | None
    units: Box
    sha256: str
    held: NDArray[np.int64]
    class_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return self.length

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        """The images at `indices`, in the order asked for."""
        return self.images(indices)

    def labels(self, indices: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """Their class indices, None for data without labels."""
        return None if self.numbers is None else self.numbers(indices)


def refuse_oversized(where: str, shape: Sequence[int], itemsize: int, remedy: str) -> None:
    """Raises DataError, with `remedy`, where an array of that shape would be too large."""
    size = prod(shape) * itemsize
    if ARRAY_BYTES.exceeded_by(size):
        text = "x".join(str(length) for length in shape)
        raise DataError(f"{where}: {text} values would take {ARRAY_BYTES.refusal(size)}; {remedy}")
