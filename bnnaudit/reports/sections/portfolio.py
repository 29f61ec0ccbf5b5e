"""What `auto` ran, in order, and what each part of it did."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table

from bnnaudit.core.portfolio import Leg
from bnnaudit.core.report import Report
from bnnaudit.reports.attack_names import loss_name
from bnnaudit.reports.look import Look
from bnnaudit.reports.numbers import MISSING, count
from bnnaudit.reports.typesetting import heading, indented

_TITLES = ("surrogate", "loss", "felled", "forward", "backward")


def portfolio(report: Report, look: Look) -> Sequence[RenderableType]:
    """A table for each run of `auto` that had anything to attack; nothing without one."""
    runs = [row.legs for row in report.attacks if row.legs]
    if not runs:
        return []
    note = "felled: images that this part was the first to fool; forward, backward: passes, counted per image."
    return [
        heading("What auto ran", look),
        *(indented(_table(legs, look)) for legs in runs),
        indented(look.text(note, "dim")),
    ]


def _table(legs: Sequence[Leg], look: Look) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("")
    for title in _TITLES:
        table.add_column(title, justify="left" if title in ("surrogate", "loss") else "right", overflow="fold")
    for leg in legs:
        table.add_row(
            look.text(str(leg.way)),
            look.text(MISSING if leg.surrogate is None else str(leg.surrogate)),
            look.text(MISSING if leg.loss is None else loss_name(leg.loss)),
            look.text(count(len(leg.felled)), "bold"),
            look.text(count(leg.forwards)),
            look.text(count(leg.backwards)),
        )
    return table
