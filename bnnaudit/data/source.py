"""Where images and labels come from, whatever stores them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

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

    def __len__(self) -> int:
        """The number of images."""
        ...

    def labels(self) -> NDArray[np.int64] | None:
        """(N,) class indices of all the images, or None for data without labels."""
        ...

    def read(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        """The raw images at `indices`: (n, H, W), (n, H, W, C), (n, C, H, W) or (n, features), in the data's own units."""
        ...

    def digest(self) -> str:
        """SHA-256 (hexadecimal) of what the data are read from."""
        ...
