"""Sweeps as charts."""

from rich.text import Text

from bnnaudit.core.report import Report, Sweep
from bnnaudit.reports.attack_names import capitalised
from bnnaudit.reports.numbers import interval, percent
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.charts import Point, chart, side_by_side
from bnnaudit.reports.terminal.typesetting import INDENT, Column, Parts, heading, indented, table


def sweeps(report: Report, page: Page) -> Parts:
    """One chart a sweep; nothing where none was run."""
    if not report.sweeps:
        return []
    room = page.columns - INDENT
    charts = [_chart(sweep, page, room) for sweep in report.sweeps]
    # Beside a verdict the sweeps are a picture of its reasons; by themselves they are the result, intervals included.
    tables = [] if report.verdict is not None else [part for sweep in report.sweeps for part in _table(sweep, page)]
    return [
        heading("Accuracy against one setting, in %", page),
        *(indented(line) for line in side_by_side(charts, room)),
        *tables,
    ]


def _table(sweep: Sweep, page: Page) -> Parts:
    columns = (
        Column(page.text(sweep.parameter).plain, [page.text(point.label) for point in sweep.points], right=True),
        Column("accuracy", [page.text(percent(point.accuracy.value)) for point in sweep.points], right=True),
        Column("95 %", [page.text(interval(point.accuracy)) for point in sweep.points]),
    )
    return [Text(""), table(columns, page)]


def _chart(sweep: Sweep, page: Page, width: int) -> list[Text]:
    points = [Point(page.text(point.label).plain, point.accuracy.value) for point in sweep.points]
    return chart(page.text(f"{sweep.parameter}, {capitalised(sweep.attack)}").plain, points, width)
