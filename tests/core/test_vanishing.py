"""Where the gradient vanishes, from shares of images alone."""

from __future__ import annotations

import pytest

from bnnaudit.core.vanishing import where_it_vanishes


@pytest.mark.parametrize(
    ("zero", "place", "fraction"),
    [
        ((0.0, 0.1, 0.7, 0.8), 2, 0.6),
        ((0.6, 0.7, 0.8), 0, 0.6),
        ((0.0, 0.04, 0.05), None, 0.0),
        ((), None, 0.0),
        ((0.0, 1.0, 0.0, 0.9), 3, 0.9),
        ((0.0, 0.7, 0.2, 0.8), 3, 0.6),
    ],
)
def test_it_is_where_most_images_are_lost_for_good(zero: tuple[float, ...], place: int | None, fraction: float) -> None:
    found = where_it_vanishes(zero)
    assert found == (None if place is None else (place, pytest.approx(fraction)))
