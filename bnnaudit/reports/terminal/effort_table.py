"""What each level of effort runs, and what it costs: the text and the JSON of `explain --effort`."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from bnnaudit.core.effort import Effort
from bnnaudit.reports.json.strict import JsonValue
from bnnaudit.reports.numbers import count
from bnnaudit.reports.terminal.style import choose_look, draw
from bnnaudit.reports.terminal.typesetting import heading, indented


@dataclass(frozen=True, slots=True)
class CheckCost:
    """A check's rules and, for each effort, its passes for each image: None where the effort leaves it out."""

    check: str
    rules: tuple[str, ...]
    passes: tuple[int | None, ...]


def render_efforts(
    costs: Sequence[CheckCost], *, width: int | None = None, color: bool = False, ascii: bool = False
) -> str:
    """One line a check, one column an effort, and the sum of each."""
    look = choose_look(width, color, ascii)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("check", overflow="fold")
    table.add_column("rules", overflow="fold")
    for effort in Effort:
        table.add_column(str(effort), justify="right")
    for cost in costs:
        cells = [look.text(_cell(passes)) for passes in cost.passes]
        table.add_row(look.text(cost.check), look.text(", ".join(cost.rules), "dim"), *cells)
    sums = [sum(passes or 0 for passes in column) for column in zip(*(cost.passes for cost in costs), strict=True)]
    table.add_row(Text("together, at most", "bold"), "", *(Text(count(total), "bold") for total in sums))
    notes = (
        "Passes through the network for each image at the default settings, at most: an image that falls leaves the attack.",
        "opening probes: 100 images at most; attack-strength: 8 (standard) or 100 (thorough).",
        "An attack that several checks share is counted where it is named first; -: the effort leaves the check out.",
    )
    parts = [heading("check --effort", look), indented(table), *(indented(look.text(note, "dim")) for note in notes)]
    return draw(parts, look)


def efforts_to_json(costs: Sequence[CheckCost]) -> dict[str, JsonValue]:
    """The same table."""
    return {
        "checks": [
            {
                "check": cost.check,
                "rules": list(cost.rules),
                "passes": {str(effort): passes for effort, passes in zip(Effort, cost.passes, strict=True)},
            }
            for cost in costs
        ]
    }


def _cell(passes: int | None) -> str:
    return "-" if passes is None else count(passes)
