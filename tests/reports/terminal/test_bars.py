import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnaudit.reports.terminal.bars import eighths, horizontal, vertical


@pytest.mark.parametrize(
    ("fraction", "bar"),
    [(0.0, "    "), (0.5, "██  "), (1.0, "████"), (1 / 32, "▏   "), (0.53125, "██▏ "), (7.0, "████"), (-1.0, "    ")],
)
def test_a_bar_fills_its_share_to_an_eighth_of_a_cell(fraction: float, bar: str) -> None:
    assert horizontal(fraction, 4) == bar


def test_a_column_is_listed_from_its_foot() -> None:
    assert vertical(0.5 + 3 / 32, 4) == "██▃ "


def test_nan_has_no_bar() -> None:
    assert horizontal(math.nan, 3) == "   "


@given(st.floats(0, 1), st.integers(1, 40))
def test_a_bar_is_within_half_an_eighth_of_its_fraction(fraction: float, cells: int) -> None:
    assert abs(eighths(fraction, cells) / (8 * cells) - fraction) <= 0.5 / (8 * cells) + 1e-12
    assert len(horizontal(fraction, cells)) == cells
