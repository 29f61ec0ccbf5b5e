"""The phases of `auto`, in order, and what each of them did."""

from collections.abc import Sequence

from bnnaudit.core.auto_run import Part
from bnnaudit.core.report import Report
from bnnaudit.reports.attack_names import loss_name
from bnnaudit.reports.numbers import MISSING, count
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.drawing import Parts
from bnnaudit.reports.terminal.typesetting import Column, heading, notes, table


def auto_phases(report: Report, page: Page) -> Parts:
    """A table for each run of `auto` that had anything to attack; nothing without one."""
    runs = [row.parts for row in report.attacks if row.parts]
    if not runs:
        return []
    note = "fooled: images that this phase was the first to fool; forward, backward: passes, counted per image."
    tables = [table(_columns(parts, page), page) for parts in runs]
    return [heading("Phases of auto", page), *tables, *notes([note], page)]


def _columns(parts: Sequence[Part], page: Page) -> list[Column]:
    surrogates = [MISSING if part.surrogate is None else str(part.surrogate) for part in parts]
    losses = [MISSING if part.loss is None else loss_name(part.loss) for part in parts]
    return [
        Column("phase", [page.text(str(part.phase)) for part in parts], wraps=True),
        Column("surrogate", [page.text(words) for words in surrogates], wraps=True),
        Column("loss", [page.text(words) for words in losses], spare=1),
        Column("fooled", [page.text(count(len(part.fooled)), "bold") for part in parts], right=True),
        Column("forward", [page.text(count(part.forwards)) for part in parts], right=True, spare=2),
        Column("backward", [page.text(count(part.backwards)) for part in parts], right=True, spare=2),
    ]
