"""The geometry of line charts against points whose places are known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.report import Report, Sweep, SweepPoint
from bnnaudit.reports.html.line_chart import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    LineChart,
    curve_charts,
    sweep_chart,
    thinned,
)


def sweep(*values: float) -> Sweep:
    points = tuple(SweepPoint(value, f"{value:g}", Estimate(0.5, 0.25, 0.75, 100)) for value in values)
    return Sweep("radius", "pgd", points)


def drawn(of: Sweep) -> LineChart:
    chart = sweep_chart(of)
    assert chart is not None
    return chart


def test_the_ends_stand_at_the_margins_and_half_stands_half_way_up() -> None:
    chart = drawn(sweep(0.0, 1.0, 2.0))
    assert [dot.x for dot in chart.dots] == [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT]
    assert {dot.y for dot in chart.dots} == {TOP + (HEIGHT - TOP - BOTTOM) / 2}
    assert chart.says == "Accuracy against radius: 50.0 % at 0, 50.0 % at 2"


def test_the_band_goes_along_the_upper_ends_and_back_along_the_lower_ones() -> None:
    upper, lower = TOP + (HEIGHT - TOP - BOTTOM) / 4, TOP + 3 * (HEIGHT - TOP - BOTTOM) / 4
    left, right = LEFT, WIDTH - RIGHT
    assert drawn(sweep(0.0, 1.0)).band == f"{left},{upper:g} {right},{upper:g} {right},{lower:g} {left},{lower:g}"


def test_a_wide_range_is_logarithmic_and_a_zero_stands_before_it() -> None:
    chart = drawn(sweep(1, 10, 100))
    assert chart.dots[1].x == pytest.approx((LEFT + WIDTH - RIGHT) / 2, abs=0.1)
    with_zero = drawn(sweep(0, 1, 10, 100))
    places = [dot.x for dot in with_zero.dots]
    assert places[0] == LEFT
    assert places == sorted(places)
    assert places[2] - places[1] == pytest.approx(places[3] - places[2], abs=0.2)


def test_labels_keep_apart_and_the_last_is_always_there() -> None:
    ticks = drawn(sweep(*range(20))).x_ticks
    assert ticks[-1].text == "19"
    assert all(after.at - before.at >= 30 for before, after in pairwise(ticks))


def test_one_point_and_none_are_no_accident() -> None:
    assert len(drawn(sweep(3.0)).dots) == 1
    assert sweep_chart(sweep()) is None
    assert sweep_chart(sweep(float("nan"))) is None


def test_many_points_are_thinned_evenly_with_both_ends() -> None:
    kept = thinned(range(1000))
    assert (kept[0], kept[-1]) == (0, 999)
    assert len(kept) == 60


def test_curves_mark_the_temperatures_of_the_table(detailed: Report) -> None:
    assert detailed.signal is not None
    charts = curve_charts(detailed.signal)
    assert [chart.title for chart in charts] == [
        "Error signal at the logits",
        "Softmax Jacobian",
        "Hessian at the input",
        "Gradient at the input",
    ]
    assert [mark.text for mark in charts[0].marks] == ["b = 1", "NJS", "HNS"]
    # b runs over five decades from 1e-4 to 10, so b = 1 stands at four fifths.
    assert charts[0].marks[0].at == pytest.approx(LEFT + 0.8 * (WIDTH - LEFT - RIGHT), abs=0.1)


def test_curves_without_a_number_are_not_drawn(detailed: Report) -> None:
    assert detailed.signal is not None
    assert detailed.signal.curves is not None
    nothing = replace(detailed.signal.curves, betas=(0.0, float("nan")))
    assert curve_charts(replace(detailed.signal, curves=nothing)) == ()
    assert curve_charts(replace(detailed.signal, curves=None)) == ()
