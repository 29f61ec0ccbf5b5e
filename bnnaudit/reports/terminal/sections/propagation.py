"""Signal propagation: the network as it is, beside the two published temperature rules."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.report import (
    SCALINGS,
    PlaceGradient,
    PlaceRow,
    Report,
    Scaling,
    SignalCurves,
    SignalRow,
    SignalTable,
)
from bnnaudit.reports.numbers import percent, plural, significant
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short, spelled_in_ascii
from bnnaudit.reports.signal_words import SIGNAL_LINES, end_words
from bnnaudit.reports.terminal.charts import side_by_side, vertical
from bnnaudit.reports.terminal.typesetting import INDENT, Column, Parts, heading, indented, table

HEIGHT = 6
_FRAME = 8


def propagation(report: Report, page: Page) -> Parts:
    """The table of means; where it was followed the gradient at every step, where it vanishes, and the curves against b."""
    signal = report.signal
    if signal is None:
        return []
    parts: list[RenderableType] = [heading("Signal propagation", page), _means(signal, page)]
    if signal.places:
        ends = [indented(_end(signal, scaling, page)) for scaling in SCALINGS]
        title = heading("Gradient from the logits to the input", page)
        parts += [title, _places(signal.places, page), Text(""), *ends]
    if signal.curves is not None:
        charts = _charts(signal, signal.curves, page)
        parts += [heading("Means against the temperature b", page), *(indented(line) for line in charts)]
    return parts


def _means(signal: SignalTable, page: Page) -> RenderableType:
    rows: dict[str, SignalRow] = {title: getattr(signal, scaling) for scaling, title in SCALINGS.items()}
    means = f"means over {plural(max(row.n for row in rows.values()), 'image')}"
    columns = [Column(means, [page.text(spelled_in_ascii(label)) for label, _ in SIGNAL_LINES], wraps=True)]
    for title, row in rows.items():
        columns.append(Column(title, [page.text(value(row)) for _, value in SIGNAL_LINES], right=True))
    return table(columns, page)


def _places(places: Sequence[PlaceRow], page: Page) -> RenderableType:
    columns = [Column("mean norm, share of zeros", [page.text(short(place.name)) for place in places], wraps=True)]
    for scaling, title in SCALINGS.items():
        columns.append(Column(title, [_cell(getattr(place, scaling), page) for place in places], right=True))
    return table(columns, page)


def _cell(gradient: PlaceGradient, page: Page) -> Text:
    cell = page.text(significant(gradient.gradient_norm))
    if gradient.zero_gradient_fraction > 0:
        cell.append_text(page.text(f"  {percent(gradient.zero_gradient_fraction)}", "red"))
    return cell


def _end(signal: SignalTable, scaling: Scaling, page: Page) -> Text:
    words, arrives = end_words(signal, scaling)
    return page.text(f"{SCALINGS[scaling]}: {words}", "green" if arrives else "red")


def _charts(signal: SignalTable, curves: SignalCurves, page: Page) -> list[Text]:
    room = page.columns - INDENT
    wide = min(len(curves.betas), max(16, (room - 4) // 2 - _FRAME))
    named = (
        ("error signal ||psi||", curves.psi_norm),
        ("softmax Jacobian ||dp/da||", curves.softmax_jacobian_norm),
        ("Hessian ||d2l/dx2||", curves.hessian_norm),
        ("gradient ||dl/dx||", curves.gradient_norm),
    )
    marks = (("1", 1.0), ("N", signal.njs.beta_median), ("H", signal.hns.beta_median))
    charts = [_chart(title, curves.betas, values, marks, wide) for title, values in named]
    legend = page.text(
        "Below each curve: 1 marks b = 1, N the median b of NJS, H that of HNS; each from 0 to its largest value.",
        "dim",
    )
    return [*side_by_side(charts, room), Text(""), legend]


def _chart(
    title: str, betas: Sequence[float], values: Sequence[float], marks: Sequence[tuple[str, float]], wide: int
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
