"""Signal propagation as a picture: curves against b ([Gupta & Ajanthan 2022], Figures 4 and 5), and gradients by place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bnnaudit.core.report import SCALINGS, PlaceRow, Report, Scaling, SignalTable
from bnnaudit.reports.numbers import plural, significant
from bnnaudit.reports.pictures.figure import BLUE, GREEN, INK, ORANGE, RED, head, save_picture
from bnnaudit.reports.safe_text import file_name, safe

_COLORS: dict[Scaling, str] = {"original": INK, "njs": ORANGE, "hns": GREEN}
_SMALLEST = 1e-45
"""Stands for a norm of 0 on the logarithmic axis: the smallest float32 above 0."""


def save_signal(report: Report, path: Path) -> None:
    """Draws the report's signal table, which must be there in full."""
    table = report.signal
    assert table is not None
    assert table.curves is not None
    save_picture(lambda figure: _draw(figure, report, table), path, 10, 9.6)


def _draw(figure: Any, report: Report, table: SignalTable) -> None:
    curves = table.curves
    assert curves is not None
    grid = figure.add_gridspec(3, 2, height_ratios=(1, 1, 1.15))
    panels = (
        ("Error signal  ||psi(b)||", curves.psi_norm),
        ("Softmax Jacobian  ||dp / da||", curves.softmax_jacobian_norm),
        ("Hessian in the input  ||d²L / dx²||", curves.hessian_norm),
        ("Gradient in the input  ||dL / dx||", curves.gradient_norm),
    )
    marks = [(SCALINGS[name], getattr(table, name).beta_median, color) for name, color in _COLORS.items()]
    for index, (title, values) in enumerate(panels):
        axes = figure.add_subplot(grid[index // 2, index % 2])
        _curve(axes, title, curves.betas, values, marks)
        if index == 0:
            axes.legend(loc="best", fontsize=9, frameon=True, facecolor="white", edgecolor="none", framealpha=0.92)
    _places(figure.add_subplot(grid[2, :]), table.places)
    facts = f"{file_name(report.model.path)}, means over {plural(table.original.n, 'image')} classified correctly"
    head(figure, "Signal propagation against the temperature b", facts)


def _curve(
    axes: Any, title: str, betas: Sequence[float], values: Sequence[float], marks: Sequence[tuple[str, float, str]]
) -> None:
    axes.plot(betas, values, color=BLUE)
    axes.set_xscale("log")
    axes.set_xlim(betas[0], betas[-1])
    axes.set_ylim(0, 1.08 * max(values) or 1)
    for name, beta, color in marks:
        label = f"{name}, b = {significant(beta)}"
        axes.axvline(beta, color=color, linewidth=1.3, linestyle=(0, (4, 3)), label=label)
    axes.set_title(title)
    axes.set_xlabel("b")
    axes.tick_params(which="both", length=0)


def _places(axes: Any, places: Sequence[PlaceRow]) -> None:
    """Norms on a logarithmic axis from the logits to the input; a gradient of zero, which has no place on it, in words."""
    rules = [[getattr(place, name) for place in places] for name in SCALINGS]
    alive = [gradient.gradient_norm for rule in rules for gradient in rule if gradient.gradient_norm > 0]
    floor = min(alive, default=1.0)
    for (name, color), rule in zip(_COLORS.items(), rules, strict=True):
        heights = [max(gradient.gradient_norm, floor / 10, _SMALLEST) for gradient in rule]
        axes.plot(range(len(rule)), heights, color=color, marker="o", markersize=5, label=SCALINGS[name])
        for index, gradient in enumerate(rule):
            if gradient.zero_gradient_fraction > 0 and name == "original":
                axes.annotate(
                    f"{100 * gradient.zero_gradient_fraction:.0f} % zero", (index, heights[index]), xytext=(0, 8),
                    textcoords="offset points", ha="center", fontsize=8, color=RED,
                )  # fmt: skip
    axes.set_yscale("log")
    axes.margins(x=0.04, y=0.22)
    axes.set_xticks(range(len(places)), [_short(place.name) for place in places], fontsize=8)
    if len(places) > 7:
        axes.tick_params(axis="x", rotation=30)
    axes.set_title("Mean gradient norm from the logits to the input")
    axes.tick_params(which="both", length=0)
    axes.legend(loc="best", fontsize=9, ncols=3)


def _short(name: str, most: int = 22) -> str:
    return safe(name) if len(name) <= most else f"...{safe(name[3 - most :])}"
