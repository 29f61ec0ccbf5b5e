"""A data set that lies in memory as one array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.threat import Box


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

    def labels(self) -> NDArray[np.int64] | None:
        """(N,) class indices, or None."""
        return self.targets

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        """The images at `indices`, in the order asked for."""
        return self.values[indices]

    def digest(self) -> str:
        """SHA-256 of the file."""
        return self.sha256
