"""What the library is given as data: a path or a name, arrays, a data set, or a loader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from bnnaudit.core.errors import DataError
from bnnaudit.data.given_arrays import open_arrays, open_mapping
from bnnaudit.data.given_items import Drawing, open_dataset, open_loader
from bnnaudit.data.given_units import Feeding
from bnnaudit.data.source import ArraySource, GivenSource

Values: TypeAlias = NDArray[Any] | Tensor
"""Images (N, H, W), (N, H, W, C), (N, C, H, W) or (N, features), or labels (N,) or (N, d)."""
Data: TypeAlias = (
    str
    | Path
    | Values
    | tuple[Values, Values | Sequence[int] | None]
    | Mapping[str, Any]
    | Dataset[Any]
    | DataLoader[Any]
    | Sequence[Any]
)
"""What may be audited on."""
KINDS = "a path, a torchvision name, (images, labels), a mapping with x and y, an array, a tensor, a Dataset or a DataLoader"


def open_given(data: object, drawing: Drawing, feeding: Feeding) -> ArraySource | GivenSource:
    """The source that images in memory are; raises DataError, which says what is wrong with them."""
    match data:
        case DataLoader():
            return open_loader(data, drawing, feeding)
        case Mapping():
            return open_mapping(data, feeding)
        case np.ndarray() | Tensor():
            return open_arrays(data, None, feeding)
        case (images, labels) if isinstance(data, tuple):
            return open_arrays(images, labels, feeding)
        case IterableDataset():
            return open_dataset(data, drawing, feeding)
        case _ if (
            hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, tuple | str | bytes)
        ):
            return open_dataset(data, drawing, feeding)
    hint = "; make a list of it" if isinstance(data, Iterable) and not isinstance(data, tuple) else ""
    raise DataError(f"data: a {type(data).__name__} is not {KINDS}{hint}")
