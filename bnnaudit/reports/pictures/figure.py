"""How every picture looks and becomes a file. The same report gives the same bytes."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bnnaudit.core.errors import UsageError
from bnnaudit.reports.output import write_atomically

SUFFIXES = (".svg", ".png")
INK = "#22303c"
FAINT = "#c9d1d8"
BLUE, ORANGE, GREEN, RED = "#1f6fb4", "#d9730d", "#2b8a4b", "#b3261e"
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.parse_math": False,  # a name between two dollar signs is no formula
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"), INK),
    "axes.edgecolor": FAINT,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    **dict.fromkeys(("axes.grid", "axes.axisbelow"), True),
    "grid.color": "#e8ecef",
    "grid.linewidth": 0.8,
    "lines.linewidth": 2,
    "svg.fonttype": "path",
    "svg.hashsalt": "bnnaudit",
}


def check_can_plot(path: Path) -> None:
    """Raises UsageError before any work is done, if the picture could not be drawn or written after it."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"plot: {path} is not a supported kind of picture; name it .svg or .png")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("plot: matplotlib is not installed; pip install 'bnnaudit[plot]', or omit --plot")
    if path.is_dir() or not path.resolve().parent.is_dir():
        raise UsageError(f"plot: {path} cannot be written; name a file in an existing folder")


def save_picture(draw: Callable[[Any], None], path: Path, width: float, height: float) -> None:
    """Draws on an empty matplotlib figure of so many inches and writes it to `path`."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        draw(figure)
        kind = path.suffix.lower().removeprefix(".")
        stream = io.BytesIO()
        metadata = {"Date": None, "Creator": "bnnaudit"} if kind == "svg" else {"Software": "bnnaudit"}
        figure.savefig(stream, format=kind, dpi=160, metadata=metadata)
    write_atomically(path, stream.getvalue(), "plot")


def head(figure: Any, title: str, below: str) -> None:
    """A title on the left with a line of facts below it."""
    figure.suptitle(f"{title}\n", x=0.012, ha="left", fontsize=14, fontweight="bold")
    figure.text(0.012, 1, f"\n\n{below}", ha="left", va="top", fontsize=9, color="#5b6b78", linespacing=1.15)
