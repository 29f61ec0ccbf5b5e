"""Ranges of pixels that single precision can hold, and those that it cannot."""

import numpy as np
import pytest

from bnnaudit.core.limits import problem_of_range


@pytest.mark.parametrize("ends", [(0, 1), (0, 255), (-128, 127), (0, 65535), (-1, 1), (0, 1e-6), (1000, 1255)])
def test_ranges_of_pixels(ends: tuple[float, float]) -> None:
    assert problem_of_range(*ends) == ""
    levels = np.linspace(*ends, 256).astype(np.float32)
    assert len(np.unique(levels)) == 256


@pytest.mark.parametrize(
    "ends", [(0, 1e39), (-np.inf, np.inf), (0, np.inf), (0, np.nan), (0, 1e-40), (1e7, 1e7 + 1), (-1e30, 1e30)]
)
def test_ranges_that_single_precision_cannot_hold(ends: tuple[float, float]) -> None:
    assert problem_of_range(*ends)
