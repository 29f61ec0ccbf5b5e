"""What a classifier cannot be trained on: one class, classes without images, parts that do not have the same classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.errors import DataError, cited, listed

LISTED = 3
"""Classes that a message names. Not tuned."""


def refuse_one_class(where: str, classes: int) -> None:
    """Raises DataError unless there are at least two classes."""
    if classes < 2:
        raise DataError(f"{where}: one class only; training needs a folder for each class, two or more")


def refuse_rare(where: str, names: Sequence[str], labels: NDArray[np.int64], least: int, remedy: str) -> None:
    """Raises DataError where `labels` (N,) hold one of the classes less than `least` times."""
    counts = np.bincount(labels, minlength=len(names))
    rare = [f"{cited(name, 80)} ({count})" for name, count in zip(names, counts, strict=True) if count < least]
    if rare:
        raise DataError(
            f"{where}: too few images to train on: {listed(rare, LISTED)}; each class needs {least}: {remedy}"
        )


def refuse_other_classes(where: str, training: Sequence[str] | None, test: Sequence[str] | None) -> None:
    """Raises DataError where the folders of the two parts name other classes, whose numbers would then differ."""
    if training is None or test is None or list(training) == list(test):
        return
    apart = [cited(name, 80) for name in sorted(set(training) ^ set(test))]
    raise DataError(
        f"{where}: training and test images do not have the same classes ({listed(apart, LISTED)}); give both the same folders"
    )
