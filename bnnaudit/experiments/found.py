"""The rows of a table with what single images say, which claims are tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.reproduction import Mark, ReproducedRow
from bnnaudit.numerics.intervals import wilson_interval


@dataclass(frozen=True, slots=True)
class Found:
    """values: by the key of a row, an entry for each image: whether it was still right (bool), or its quantity (float). marks:
    temperatures on curves against b."""

    rows: tuple[ReproducedRow, ...]
    values: Mapping[str, NDArray[Any]]
    marks: tuple[Mark, ...] = ()

    def row(self, key: str) -> ReproducedRow | None:
        """The row of a key that has a figure."""
        return next((row for row in self.rows if row.key == key and row.value is not None), None)


def share_of(right: NDArray[np.bool_]) -> Estimate:
    """The proportion of images that are right."""
    count, total = int(right.sum()), len(right)
    return Estimate(count / total if total else 0.0, *wilson_interval(count, total), total)
