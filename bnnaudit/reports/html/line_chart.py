"""The geometry of line charts: where each point, band and label goes in a picture of fixed size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from markupsafe import Markup

from bnnaudit.core.report import SignalTable, Sweep
from bnnaudit.reports.attack_names import capitalised
from bnnaudit.reports.numbers import interval, percent, significant

_Point = TypeVar("_Point")
WIDTH, HEIGHT = 340, 212
LEFT, RIGHT, TOP, BOTTOM = 44, 22, 12, 30
"""Margins of the plot, in the units of the picture; a label such as `100 %` needs the left one, half of `16/255` the right."""
_MANY = 60
"""Points of a line that are drawn, at most: more lie closer than the line is thick. Not tuned."""
_LABEL_GAP = 34
"""Units between two labels of the x axis, at least; `16/255` is about 32 wide."""
_LOG = 50
"""Ratio of the largest to the smallest value from which an axis is logarithmic. Not tuned."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A label of an axis and its place along it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A point, and what it says."""

    x: float
    y: float
    says: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a chart in words: its place on the x axis, its value, its interval."""

    at: str
    value: str
    interval: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """A chart. line, band: points as `polyline` takes them, the band empty where there is none. marks: vertical lines."""

    title: str
    axis: str
    says: str
    line: Markup
    band: Markup
    dots: tuple[Dot, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Tick, ...] = ()
    figures: tuple[Figure, ...] = ()


def sweep_chart(sweep: Sweep) -> LineChart | None:
    """Accuracy from 0 to 100 % with its interval; None without a finite point."""
    points = thinned(
        [point for point in sweep.points if math.isfinite(point.value) and math.isfinite(point.accuracy.value)]
    )
    if not points:
        return None
    across = _axis([point.value for point in points])
    places = [across(point.value) for point in points]
    values = [point.accuracy for point in points]
    upper = [(x, _height(value.high, 1.0)) for x, value in zip(places, values, strict=True)]
    lower = [(x, _height(value.low, 1.0)) for x, value in zip(places, values, strict=True)]
    figures = tuple(
        Figure(point.label, percent(value.value), interval(value)) for point, value in zip(points, values, strict=True)
    )
    first, last = figures[0], figures[-1]
    return LineChart(
        title=capitalised(sweep.attack),
        axis=sweep.parameter,
        says=f"Accuracy against {sweep.parameter}: {first.value} at {first.at}, {last.value} at {last.at}",
        line=_path((x, _height(value.value, 1.0)) for x, value in zip(places, values, strict=True)),
        band=_path([*upper, *reversed(lower)]),
        dots=tuple(
            Dot(x, _height(value.value, 1.0), f"{figure.at}: {figure.value} {figure.interval}")
            for x, value, figure in zip(places, values, figures, strict=True)
        ),
        x_ticks=_apart([Tick(x, point.label) for x, point in zip(places, points, strict=True)]),
        y_ticks=tuple(Tick(_height(share, 1.0), f"{100 * share:.0f} %") for share in (0.0, 0.25, 0.5, 0.75, 1.0)),
        figures=figures,
    )


def curve_charts(signal: SignalTable) -> tuple[LineChart, ...]:
    """The means against the temperature b, each from 0 to its largest value; empty without curves."""
    curves = signal.curves
    if curves is None:
        return ()
    named = (
        ("Error signal at the logits", curves.psi_norm),
        ("Softmax Jacobian", curves.softmax_jacobian_norm),
        ("Hessian at the input", curves.hessian_norm),
        ("Gradient at the input", curves.gradient_norm),
    )
    marks = (("b = 1", 1.0), ("NJS", signal.njs.beta_median), ("HNS", signal.hns.beta_median))
    charts = [_curve(title, curves.betas, values, marks) for title, values in named]
    return tuple(chart for chart in charts if chart is not None)


def _curve(
    title: str, betas: Sequence[float], values: Sequence[float], marks: Sequence[tuple[str, float]]
) -> LineChart | None:
    pairs = [(b, v) for b, v in zip(betas, values, strict=False) if b > 0 and math.isfinite(b) and math.isfinite(v)]
    if not pairs:
        return None
    points = thinned(pairs)
    low, high = min(b for b, _ in points), max(b for b, _ in points)
    across, largest = _axis([low, high]), max(v for _, v in points)
    decades = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    ticks = [Tick(across(10.0**decade), significant(10.0**decade)) for decade in decades]
    peak = max(points, key=lambda point: point[1])
    return LineChart(
        title=title,
        axis="temperature b",
        says=f"{title} against the temperature b: at most {significant(largest)}, at b = {significant(peak[0])}",
        line=_path((across(b), _height(v, largest)) for b, v in points),
        band=Markup(),
        dots=(),
        x_ticks=_apart(ticks),
        y_ticks=(Tick(_height(0, 1.0), "0"), Tick(_height(1, 1.0), significant(largest, 2))),
        marks=tuple(Tick(across(b), text) for text, b in marks if math.isfinite(b) and low <= b <= high),
    )


def thinned(points: Sequence[_Point]) -> list[_Point]:
    """So many of the points, evenly, the first and the last among them."""
    if len(points) <= _MANY:
        return list(points)
    return [points[round(index * (len(points) - 1) / (_MANY - 1))] for index in range(_MANY)]


def _axis(values: Sequence[float]) -> Callable[[float], float]:
    """From a value to its place between the margins, logarithmic where the values span much."""
    positive = [value for value in values if value > 0]
    log = min(values) >= 0 and bool(positive) and max(positive) / min(positive) >= _LOG

    def along(value: float) -> float:
        """A zero has no logarithm: it stands a factor of two before the smallest value."""
        return math.log(max(value, min(positive) / 2)) if log else value

    start, end = along(min(values)), along(max(values))
    room = WIDTH - LEFT - RIGHT

    def place(value: float) -> float:
        if end == start:
            return LEFT + room / 2
        return round(LEFT + room * (along(value) - start) / (end - start), 1)

    return place


def _height(value: float, largest: float) -> float:
    part = min(max(value / largest, 0.0), 1.0) if largest > 0 and math.isfinite(value) else 0.0
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part, 1)


def _apart(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """The labels that do not run into one another; the last one always."""
    kept: list[Tick] = []
    for tick in ticks:
        if not kept or tick.at - kept[-1].at >= _LABEL_GAP:
            kept.append(tick)
    if ticks and kept[-1] != ticks[-1]:
        kept[-1] = ticks[-1]
    return tuple(kept)


def _path(points: Iterable[tuple[float, float]]) -> Markup:
    """Numbers alone, which are never cut off."""
    return Markup(" ".join(f"{x:g},{y:g}" for x, y in points))
