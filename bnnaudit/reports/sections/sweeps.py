"""Sweeps as charts."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.report import Report, Sweep
from bnnaudit.reports.attack_names import capitalised
from bnnaudit.reports.charts import Point, chart, side_by_side
from bnnaudit.reports.look import Look
from bnnaudit.reports.typesetting import heading, indented

_INDENT = 2


def sweeps(report: Report, look: Look) -> Sequence[RenderableType]:
    """One chart a sweep; nothing where none was run."""
    if not report.sweeps:
        return []
    room = look.width - _INDENT
    charts = [_chart(sweep, look, room) for sweep in report.sweeps]
    return [
        heading("Sweeps: accuracy in % against one setting of the attack", look),
        *(indented(line, _INDENT) for line in side_by_side(charts, room)),
    ]


def _chart(sweep: Sweep, look: Look, width: int) -> list[Text]:
    points = [Point(look.text(point.label).plain, point.accuracy.value) for point in sweep.points]
    return chart(look.text(f"{sweep.parameter}, {capitalised(sweep.attack)}").plain, points, width)
