"""A sweep as a picture: accuracy with its interval against one setting ([Gupta & Ajanthan 2022], Figures 1 and 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bnnaudit.core.report import Report, Sweep
from bnnaudit.reports.attack_names import capitalised
from bnnaudit.reports.numbers import percent, plural, threat_text
from bnnaudit.reports.pictures.figure import BLUE, FAINT, INK, head, save_picture
from bnnaudit.reports.safe_text import file_name

_AXES = {
    "iterations": "iterations",
    "radius": "radius in the [0,1] image",
    "step-size": "step size in the [0,1] image",
    "restarts": "random restarts",
    "beta": "temperature b",
    "rho": "least error signal rho (NJS)",
}


def save_sweep(report: Report, path: Path) -> None:
    """Draws the report's first sweep."""
    sweep = report.sweeps[0]
    save_picture(lambda figure: _draw(figure, report, sweep), path, 7.6, 4.8)


def _draw(figure: Any, report: Report, sweep: Sweep) -> None:
    axes = figure.subplots()
    places = [float(index) for index in range(len(sweep.points))]  # the values grow in ratios, and one of them may be 0
    values = [100 * point.accuracy.value for point in sweep.points]
    below = [max(0.0, 100 * (point.accuracy.value - point.accuracy.low)) for point in sweep.points]
    above = [max(0.0, 100 * (point.accuracy.high - point.accuracy.value)) for point in sweep.points]
    if report.clean_accuracy is not None:
        clean = 100 * report.clean_accuracy.value
        axes.axhline(clean, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            f"without attack {percent(report.clean_accuracy.value)}", (1, clean), xycoords=("axes fraction", "data"),
            xytext=(-2, -4), textcoords="offset points", ha="right", va="top", fontsize=9,
        )  # fmt: skip
    axes.errorbar(
        places, values, yerr=[below, above], color=BLUE, ecolor=BLUE, elinewidth=1.2, capsize=3,
        marker="o", markersize=6, markerfacecolor="white", markeredgewidth=2,
    )  # fmt: skip
    for place, value, point in zip(places, values, sweep.points, strict=True):
        axes.annotate(
            f"{100 * point.accuracy.value:.1f}", (place, value), xytext=(7, 5), textcoords="offset points", fontsize=9
        )
    axes.set_xticks(places, [point.label for point in sweep.points])
    axes.set_xlim(-0.4, len(places) - 0.6 + 0.25)
    axes.set_ylim(0, 104)
    axes.set_xlabel(_AXES.get(sweep.parameter, sweep.parameter))
    axes.set_ylabel("accuracy in %, 95 % interval")
    axes.grid(visible=False, axis="x")
    axes.tick_params(length=0)
    axes.spines["left"].set_color(FAINT)
    facts = f"{file_name(report.model.path)}, {plural(report.data.samples, 'image')}"
    if sweep.parameter != "radius":
        facts += f", {threat_text(report.threat)}"
    head(figure, f"{capitalised(sweep.attack)}: accuracy against {sweep.parameter}", facts + ", successes replayed")
