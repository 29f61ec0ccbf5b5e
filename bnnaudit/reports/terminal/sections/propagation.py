"""Where the signal dies, and how it depends on b; only where that was measured."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bnnaudit.core.report import Passage, PlaceRow, Report, SignalCurves, SignalTable, place_of_death
from bnnaudit.reports.numbers import percent, significant
from bnnaudit.reports.terminal.bars import vertical
from bnnaudit.reports.terminal.charts import side_by_side
from bnnaudit.reports.terminal.style import Look
from bnnaudit.reports.terminal.typesetting import heading, indented

HEIGHT = 6
_INDENT = 2
_FRAME = 8
_RULES = (("original", "as it is"), ("njs", "NJS"), ("hns", "HNS"))


def propagation(report: Report, look: Look) -> Sequence[RenderableType]:
    """The gradient at every step on the way back, a line that says where it dies, and the curves against b."""
    if report.signal is None or not report.signal.places:
        return []
    parts: list[RenderableType] = [
        heading("The way back: gradient at each place, from the logits to the input", look),
        indented(_places(report.signal.places, look)),
        Text(""),
        *(indented(line) for line in _deaths(report.signal, look)),
    ]
    if report.signal.curves is not None:
        parts += [
            heading("Against the temperature b: means, each from 0 to its largest", look),
            *(indented(line, _INDENT) for line in _charts(report.signal, report.signal.curves, look)),
        ]
    return parts


def _places(places: Sequence[PlaceRow], look: Look) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("mean norm, images where it is dead", overflow="fold")
    for _, title in _RULES:
        table.add_column(title, justify="right", no_wrap=True)
    for place in places:
        table.add_row(look.text(place.name), *(_cell(getattr(place, rule), look) for rule, _ in _RULES))
    return table


def _cell(passage: Passage, look: Look) -> Text:
    cell = look.text(significant(passage.gradient_norm))
    if passage.dead_fraction > 0:
        cell.append_text(look.text(f"  {percent(passage.dead_fraction)}", "red"))
    return cell


def _deaths(table: SignalTable, look: Look) -> list[Text]:
    lines = []
    for rule, title in _RULES:
        passages = [getattr(place, rule) for place in table.places]
        index = place_of_death(passages)
        if index is None:
            lines.append(look.text(f"{title}: the signal arrives at the input", "green"))
            continue
        share = percent(passages[index].dead_fraction - (passages[index - 1].dead_fraction if index else 0))
        where, why = (table.places[index].name, "") if index else ("the logits", ": the softmax is saturated")
        lines.append(look.text(f"{title}: the signal dies at {where} ({share} of the images){why}", "red"))
    return lines


def _charts(table: SignalTable, curves: SignalCurves, look: Look) -> list[Text]:
    room = look.width - _INDENT
    wide = min(len(curves.betas), max(16, (room - 4) // 2 - _FRAME))
    named = (
        ("error signal ||psi||", curves.psi_norm),
        ("softmax Jacobian ||dp/da||", curves.softmax_jacobian_norm),
        ("Hessian ||d2l/dx2||", curves.hessian_norm),
        ("gradient ||dl/dx||", curves.gradient_norm),
    )
    marks = (("1", 1.0), ("N", table.njs.beta_median), ("H", table.hns.beta_median))
    charts = [_chart(title, curves.betas, values, marks, wide) for title, values in named]
    legend = look.text("below each: 1 is b = 1, N the median of NJS, H of HNS", "dim")
    return [*side_by_side(charts, room), Text(""), legend]


def _chart(
    title: str,
    betas: Sequence[float],
    values: Sequence[float],
    marks: Sequence[tuple[str, float]],
    wide: int,
) -> list[Text]:
    """Columns one sign wide, one for each temperature that is shown."""
    chosen = [round(index * (len(betas) - 1) / (wide - 1)) for index in range(wide)]
    largest = max(values)
    bars = [vertical(values[index] / largest if largest else 0.0, HEIGHT) for index in chosen]
    lines = [Text(title, style="bold")]
    for level in reversed(range(HEIGHT)):
        label = significant(largest, 2) if level == HEIGHT - 1 else ""
        line = Text(f"{label:>{_FRAME - 2}} │", style="dim")
        line.append("".join(bar[level] for bar in bars), style="cyan")
        lines.append(line)
    lines.append(Text(f"{'0':>{_FRAME - 2}} └{'─' * wide}", style="dim"))
    signs = [" "] * wide
    for sign, beta in marks:
        place = min(range(wide), key=lambda column: abs(betas[chosen[column]] / beta - 1) if beta else column)
        signs[place] = sign
    lines.append(Text(" " * (_FRAME) + "".join(signs), style="bold"))
    ends = f"{significant(betas[0])}", f"b = {significant(betas[-1])}"
    lines.append(Text(" " * _FRAME + ends[0] + ends[1].rjust(wide - len(ends[0])), style="dim"))
    return lines
