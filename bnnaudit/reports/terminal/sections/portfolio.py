"""What `auto` ran, in order, and what each part of it did."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table

from bnnaudit.core.auto_run import Part
from bnnaudit.core.report import Report
from bnnaudit.reports.attack_names import loss_name
from bnnaudit.reports.numbers import MISSING, count
from bnnaudit.reports.terminal.style import Look
from bnnaudit.reports.terminal.typesetting import heading, indented

_TITLES = ("surrogate", "loss", "fooled", "forward", "backward")


def portfolio(report: Report, look: Look) -> Sequence[RenderableType]:
    """A table for each run of `auto` that had anything to attack; nothing without one."""
    runs = [row.parts for row in report.attacks if row.parts]
    if not runs:
        return []
    note = "fooled: images that this part was the first to fool; forward, backward: passes, counted per image."
    return [
        heading("What auto ran", look),
        *(indented(_table(parts, look)) for parts in runs),
        indented(look.text(note, "dim")),
    ]


def _table(parts: Sequence[Part], look: Look) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("")
    for title in _TITLES:
        table.add_column(title, justify="left" if title in ("surrogate", "loss") else "right", overflow="fold")
    for part in parts:
        table.add_row(
            look.text(str(part.phase)),
            look.text(MISSING if part.surrogate is None else str(part.surrogate)),
            look.text(MISSING if part.loss is None else loss_name(part.loss)),
            look.text(count(len(part.fooled)), "bold"),
            look.text(count(part.forwards)),
            look.text(count(part.backwards)),
        )
    return table
