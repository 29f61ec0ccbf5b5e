"""Where the gradient vanishes, and how the signal depends on b; only where that was measured."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.report import PlaceGradient, PlaceRow, Report, Scaling, SignalCurves, SignalTable
from bnnaudit.reports.numbers import percent, significant
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.bars import vertical
from bnnaudit.reports.terminal.charts import side_by_side
from bnnaudit.reports.terminal.drawing import Parts
from bnnaudit.reports.terminal.typesetting import INDENT, Column, heading, indented, table

HEIGHT = 6
_FRAME = 8
_RULES: tuple[tuple[Scaling, str], ...] = (("original", "as it is"), ("njs", "NJS"), ("hns", "HNS"))


def propagation(report: Report, page: Page) -> Parts:
    """The gradient at every step on the way back, a line that says where it vanishes, and the curves against b."""
    if report.signal is None or not report.signal.places:
        return []
    parts: list[RenderableType] = [
        heading("Gradient from the logits to the input", page),
        _places(report.signal.places, page),
        Text(""),
        *(indented(_end(report.signal, scaling, title, page)) for scaling, title in _RULES),
    ]
    if report.signal.curves is not None:
        parts += [
            heading("Means against the temperature b", page),
            *(indented(line) for line in _charts(report.signal, report.signal.curves, page)),
        ]
    return parts


def _places(places: Sequence[PlaceRow], page: Page) -> RenderableType:
    columns = [Column("mean norm, share of zeros", [page.text(place.name) for place in places], wraps=True)]
    for scaling, title in _RULES:
        columns.append(Column(title, [_cell(getattr(place, scaling), page) for place in places], right=True))
    return table(columns, page)


def _cell(gradient: PlaceGradient, page: Page) -> Text:
    cell = page.text(significant(gradient.gradient_norm))
    if gradient.zero_gradient_fraction > 0:
        cell.append_text(page.text(f"  {percent(gradient.zero_gradient_fraction)}", "red"))
    return cell


def _end(signal: SignalTable, scaling: Scaling, title: str, page: Page) -> Text:
    end = signal.vanishing(scaling)
    if end is None:
        return page.text(f"{title}: the gradient reaches the input", "green")
    why = ": the softmax is saturated" if end.saturated else ""
    where = f"at {'the logits' if end.saturated else end.place} on {percent(end.fraction)} of the images"
    return page.text(f"{title}: the gradient vanishes {where}{why}", "red")


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
