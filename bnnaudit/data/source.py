"""Where images and labels come from, whatever stores them: a file, or one array in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.errors import DataError
from bnnaudit.core.threat import Box


class ImageSource(Protocol):
    """A data set that can be read at any index; nothing is decoded before it is asked for."""

    @property
    def name(self) -> str:
        """What a report calls the data."""
        ...

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The classes in the order of their labels, where the data name them."""
        ...

    @property
    def units(self) -> Box:
        """The range of the raw values that stands for black to white."""
        ...

    @property
    def targets(self) -> NDArray[np.int64] | None:
        """(N,) class indices of all the images, or None for data without labels."""
        ...

    @property
    def sha256(self) -> str:
        """SHA-256 (hexadecimal) of what the data are read from."""
        ...

    def __len__(self) -> int:
        """The number of images."""
        ...

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        """The raw images at `indices`: (n, H, W), (n, H, W, C), (n, C, H, W) or (n, features), in the data's own units."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """Images of one shape.

    values (N, H, W), (N, H, W, C), (N, C, H, W) or (N, features), all inside `units`: the range that stands for black to
    white. targets (N,) or None. `sha256` is that of the file they came from.
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


LARGEST_BYTES = 16 * 2**30


def refuse_oversized(where: str, shape: Sequence[int], itemsize: int, remedy: str) -> None:
    """Raises DataError, with `remedy`, where an array of that shape would take more than 16 GiB."""
    size = prod(shape) * itemsize
    if size > LARGEST_BYTES:
        text = "x".join(str(length) for length in shape)
        raise DataError(f"{where}: {text} values would take {size / 2**30:.0f} GiB of memory; {remedy}")
