import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnaudit.reports.terminal.charts import HEIGHT, Point, chart, eighths, horizontal, side_by_side, vertical

ITERATIONS = [Point("1", 0.697), Point("20", 0.25), Point("100", 0.0)]


def _plain(title: str, points: list[Point], width: int) -> list[str]:
    return [line.plain for line in chart(title, points, width)]


def test_a_column_chart_line_by_line() -> None:
    # Eight cells are 100 %: 69.7 % is 5.576 cells, 5 full ones and 5 eighths; 25 % is 2 cells; the value stands on top.
    assert [line.rstrip() for line in _plain("iterations", ITERATIONS, 40)] == [
        "iterations",
        "     │",
        " 100 ┤",
        "     │  69.7",
        "     │  ▅▅▅▅",
        "     │  ████",
        "  50 ┤  ████",
        "     │  ████  25.0",
        "     │  ████  ████",
        "     │  ████  ████  0.0",
        "   0 └──────────────────",
        "         1     20   100",
    ]


def test_full_accuracy_has_its_value_above_the_top_of_the_axis() -> None:
    lines = _plain("t", [Point("1", 1.0)], 40)
    assert "100.0" in lines[1]
    assert sum("█████" in line for line in lines) == HEIGHT


def test_columns_that_do_not_fit_become_rows() -> None:
    points = [Point(f"{k}/255", k / 40) for k in range(1, 21)]
    lines = _plain("radius", points, 60)
    assert len(lines) == 21
    assert lines[10].split("│")[0].strip() == "10/255"
    assert lines[10].endswith("25.0 %")
    # 42 columns are left for the bars: a quarter is ten and a half, a half twenty-one.
    assert f"│{'█' * 10}▌ " in lines[10]
    assert f"│{'█' * 21} " in lines[20]


def test_a_point_without_a_number_has_no_bar() -> None:
    assert "█" not in "".join(_plain("t", [Point("1", math.nan)], 40))


def test_charts_stand_beside_one_another_as_far_as_they_fit() -> None:
    block = chart("t", ITERATIONS, 40)
    assert len(side_by_side([block, block], 80)) == len(block)
    assert len(side_by_side([block, block], 40)) == 2 * len(block) + 1
    joined = side_by_side([block, block], 80)[-2].plain
    assert joined.count("└") == 2


points_of_any_kind = st.lists(
    st.builds(Point, st.text(max_size=30).filter(str.isprintable), st.floats(0, 1)), max_size=30
)


@given(points_of_any_kind, st.integers(36, 120))
def test_no_chart_is_wider_than_it_may_be(points: list[Point], width: int) -> None:
    assert all(line.cell_len <= width for line in chart("accuracy against the radius", points, width))


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
