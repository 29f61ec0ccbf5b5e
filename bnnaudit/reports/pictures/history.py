"""A history as a picture: claimed and verified accuracy with their intervals over the releases of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.history import History, Series
from bnnaudit.reports.history_words import claim_to_draw, release_line
from bnnaudit.reports.numbers import plural, threat_text
from bnnaudit.reports.pictures.figure import BLUE, FAINT, ORANGE, head, save_picture
from bnnaudit.reports.safe_text import short

_HEIGHT = 4.2
"""Inches of the axes of one series. Not tuned."""


def save_history(history: History, path: Path) -> None:
    """Draws every series of the history, one below the other."""
    save_picture(lambda figure: _draw(figure, history), path, 7.6, _HEIGHT * len(history.series) + 0.6)


def _draw(figure: Any, history: History) -> None:
    rows = figure.subplots(len(history.series), squeeze=False)
    for (axes,), series in zip(rows, history.series, strict=True):
        _series(axes, series)
    title = short(history.name or "All models", 60).replace("$", r"\$")
    reports = sum(len(series.releases) for series in history.series)
    head(figure, f"{title}: accuracy over releases", f"{plural(reports, 'report')}; verified is an upper bound")


def _series(axes: Any, series: Series) -> None:
    releases = [kept.release for kept in series.releases]
    _line(axes, [claim_to_draw(one) for one in releases], ORANGE, "claimed", "s")
    _line(axes, [one.verified for one in releases], BLUE, "verified, at most", "o")
    axes.set_title(f"{short(series.model, 60)} under {threat_text(series.threat)}".replace("$", r"\$"))
    labels = [f"{release_line(kept).date}\n{release_line(kept).digest[:8]}" for kept in series.releases]
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.4, len(labels) - 0.6)
    axes.set_ylim(0, 104)
    axes.set_ylabel("accuracy in %, 95 % interval")
    axes.grid(visible=False, axis="x")
    axes.tick_params(length=0)
    axes.spines["left"].set_color(FAINT)
    axes.legend(loc="lower right")


def _line(axes: Any, estimates: list[Estimate | None], color: str, label: str, marker: str) -> None:
    found = [(place, one) for place, one in enumerate(estimates) if one is not None]
    if not found:
        return
    values = [100 * one.value for _, one in found]
    below = [max(0.0, 100 * (one.value - one.low)) for _, one in found]
    above = [max(0.0, 100 * (one.high - one.value)) for _, one in found]
    axes.errorbar(
        [place for place, _ in found], values, yerr=[below, above], color=color, ecolor=color, elinewidth=1.2,
        capsize=3, marker=marker, markersize=6, markerfacecolor="white", markeredgewidth=2, label=label,
    )  # fmt: skip
