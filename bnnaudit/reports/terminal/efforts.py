"""What each level of effort runs, and what it costs."""

from rich.text import Text

from bnnaudit.core.effort import Effort
from bnnaudit.reports.documents import EffortTable
from bnnaudit.reports.numbers import MISSING, count
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.drawing import Parts
from bnnaudit.reports.terminal.typesetting import Column, heading, notes, table

_REMARKS = (
    "Passes through the network for each image at the default settings, at most: an image that is fooled costs no more.",
    "opening probes: on 100 images at most; attack-strength: on 8 (standard) or 100 (thorough).",
    "An attack that several checks share is counted with the first of them; -: not run at this effort.",
)


def effort_parts(efforts: EffortTable, page: Page) -> Parts:
    """One line a check, one column an effort, and the total of each."""
    checks = efforts.checks
    columns = [
        Column("check", [*(page.text(cost.check) for cost in checks), Text("total, at most", "bold")], wraps=True),
        Column("rules", [*(page.text(", ".join(cost.rules), "dim") for cost in checks), Text("")], wraps=True, spare=1),
    ]
    for index, effort in enumerate(Effort):
        passes = [cost.passes[index] for cost in checks]
        cells = [page.text(MISSING if number is None else count(number)) for number in passes]
        total = Text(count(sum(number or 0 for number in passes)), "bold")
        columns.append(Column(str(effort), [*cells, total], right=True))
    return [heading("check --effort", page), table(columns, page), *notes(_REMARKS, page)]
