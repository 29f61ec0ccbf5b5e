"""Labels as class indices, and whether the model has those classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.errors import DataError
from bnnaudit.core.file_limits import LARGEST_LABEL


def class_indices(where: str, labels: NDArray[np.generic], count: int) -> NDArray[np.int64]:
    """Labels (N,), (N, 1) or one-hot (N, d) as whole numbers; raises DataError for another length, fractions, text or NaN."""
    if labels.ndim == 2 and len(labels) == count and labels.shape[1] > 1 and labels.dtype.kind in "iufb":
        return _hot_columns(where, np.asarray(labels, dtype=np.float64))
    flat = labels.reshape(-1) if labels.size == count else labels
    if flat.shape != (count,):
        raise DataError(f"{where}: {count} images, but labels of shape {labels.shape}; one label per image is needed")
    if flat.dtype.kind not in "iufb":
        raise DataError(f"{where}: labels are {flat.dtype}, not class numbers; store the index of each image's class")
    values = np.asarray(flat, dtype=np.float64)
    fractions = np.flatnonzero(~np.isfinite(values) | (values != np.round(values)))
    if fractions.size:
        first = fractions[0]
        raise DataError(
            f"{where}: {fractions.size} of {count} labels are not whole numbers (first: {flat[first]} at index {first}); "
            "store the index of each image's class"
        )
    if beyond := np.flatnonzero(np.abs(values) > LARGEST_LABEL.most).size:
        raise DataError(
            f"{where}: {beyond} of {count} labels are beyond {LARGEST_LABEL.most:,}, such as {np.abs(values).max():g}; store the "
            "index of each image's class"
        )
    return values.astype(np.int64)


def _hot_columns(where: str, labels: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column (N,) that stands out in each row of (N, d) labels with two values: 0 and 1, or -1 and 1, or smoothed ones."""
    low, high = labels.min(), labels.max()
    strange = np.flatnonzero(((labels == high).sum(axis=1) != 1) | ((labels == low).sum(axis=1) != labels.shape[1] - 1))
    if strange.size:
        raise DataError(
            f"{where}: labels of shape {labels.shape} that are not one-hot (first: row {strange[0]}, {strange.size} in "
            "all); store the index of each image's class"
        )
    return np.asarray(labels.argmax(axis=1), dtype=np.int64)


def refuse_foreign_classes(where: str, labels: NDArray[np.int64], num_classes: int) -> None:
    """Raises DataError where a label is not one of the model's classes 0..num_classes-1."""
    foreign = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if foreign.size:
        first = foreign[0]
        if labels.min() >= 1 and labels.max() == num_classes:
            raise DataError(
                f"{where}: the labels are 1..{num_classes}, but the model's classes are 0..{num_classes - 1}: they seem to "
                "start at 1; subtract 1 from them"
            )
        raise DataError(
            f"{where}: {foreign.size} of {len(labels)} labels are outside 0..{num_classes - 1} (first: {labels[first]} at "
            f"index {first}), but the model has {num_classes} classes; are these the data it was trained for?"
        )
