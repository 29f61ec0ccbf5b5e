"""Sweeps as charts."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bnnaudit.core.report import Report, Sweep
from bnnaudit.reports.attack_names import capitalised
from bnnaudit.reports.numbers import interval, percent
from bnnaudit.reports.terminal.charts import Point, chart, side_by_side
from bnnaudit.reports.terminal.style import Look
from bnnaudit.reports.terminal.typesetting import heading, indented

_INDENT = 2


def sweeps(report: Report, look: Look) -> Sequence[RenderableType]:
    """One chart a sweep; nothing where none was run."""
    if not report.sweeps:
        return []
    room = look.width - _INDENT
    charts = [_chart(sweep, look, room) for sweep in report.sweeps]
    # Beside a verdict the sweeps are a picture of its reasons; by themselves they are the result, intervals included.
    tables = [] if report.verdict is not None else [part for sweep in report.sweeps for part in _table(sweep, look)]
    return [
        heading("Sweeps: accuracy in % against one setting of the attack", look),
        *(indented(line, _INDENT) for line in side_by_side(charts, room)),
        *tables,
    ]


def _table(sweep: Sweep, look: Look) -> Sequence[RenderableType]:
    table = Table(box=None, padding=(0, 3, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(look.text(sweep.parameter), justify="right")
    table.add_column("accuracy", justify="right")
    table.add_column("95 %")
    for point in sweep.points:
        table.add_row(look.text(point.label), percent(point.accuracy.value), interval(point.accuracy))
    return [Text(""), indented(table, _INDENT)]


def _chart(sweep: Sweep, look: Look, width: int) -> list[Text]:
    points = [Point(look.text(point.label).plain, point.accuracy.value) for point in sweep.points]
    return chart(look.text(f"{sweep.parameter}, {capitalised(sweep.attack)}").plain, points, width)
