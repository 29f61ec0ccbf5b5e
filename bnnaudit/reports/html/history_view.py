"""A history on one page: two charts and a table for each model under each threat."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.history import Series
from bnnaudit.core.report import Sweep, SweepPoint
from bnnaudit.reports.comparison_words import day
from bnnaudit.reports.history_words import ReleaseLine, claim_to_draw, release_line, series_name
from bnnaudit.reports.html.line_chart import LineChart, sweep_chart
from bnnaudit.reports.html.room import Room


@dataclass(frozen=True, slots=True)
class SeriesView:
    """total: of the releases, of which `lines` may hold the newest only."""

    name: str
    charts: tuple[LineChart, ...]
    lines: tuple[ReleaseLine, ...]
    total: int


def series_view(series: Series, room: Room) -> SeriesView:
    """As many releases as there is room for, the newest."""
    kept = series.releases[-room.entries :]
    releases = [one.release for one in kept]
    dates = [day(one.created).removeprefix("20") for one in releases]  # wider labels would be cut
    drawn = (
        _chart("verified accuracy, at most", dates, [one.verified for one in releases]),
        _chart("claimed accuracy", dates, [claim_to_draw(one) for one in releases]),
    )
    charts = tuple(chart for chart in drawn if chart is not None)
    return SeriesView(series_name(series), charts, tuple(map(release_line, kept)), len(series.releases))


def _chart(name: str, dates: list[str], estimates: list[Estimate | None]) -> LineChart | None:
    points = [
        SweepPoint(float(number), label, one)
        for number, (label, one) in enumerate(zip(dates, estimates, strict=True), 1)
        if one is not None
    ]
    return sweep_chart(Sweep("release", name, tuple(points)))
