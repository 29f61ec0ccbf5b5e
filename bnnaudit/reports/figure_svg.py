"""A figure of the paper made again, as one SVG: panels beside one another, curves that differ in colour, dash and marker."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from string import ascii_lowercase

from bnnaudit.core.reproduction import Panel, ReproducedModel, ReproducedRow, ReproducedTable
from bnnaudit.reports.numbers import percent, significant
from bnnaudit.reports.reproduction_words import model_title, table_title
from bnnaudit.reports.safe_text import short

WIDTH, HEIGHT = 320, 230
"""Of the axes of one panel, in the units of the picture."""
LEFT, RIGHT, BOTTOM, GAP = 58, 18, 48, 12
"""Margins of a panel: for labels such as `100 %` and the title of the axis; between panels."""
TOP, LINE = 66, 18
"""What is above the panels: title, facts, and a line for each row of the legend."""
INK, SOFT, GRID = "#1c2733", "#566473", "#e3e8ec"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#333333")
"""Of the curves: apart for the colour-blind as well, and dark enough on white. Not tuned."""
DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 2", "1 3")
MARKED = 20
"""Points up to which each of a curve has its marker and its interval. Not tuned."""
HALO = 'paint-order="stroke" stroke="#ffffff" stroke-width="3"'
"""Keeps words apart from a line below them."""
LETTER = 6.1
"""Width of a letter of the legend, roughly."""
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Axes:
    """A panel's frame (its left and upper end) and where values lie in it."""

    left: float
    top: float
    x: Callable[[float], float]
    y: Callable[[float], float]

    @property
    def bottom(self) -> float:
        """The lower end."""
        return self.top + HEIGHT

    @property
    def right(self) -> float:
        """The right end."""
        return self.left + WIDTH


def figure_svg(table: ReproducedTable, model: ReproducedModel) -> str:
    """The picture of one model; the same rows give the same bytes."""
    series = list(dict.fromkeys(row.series for row in model.rows if row.x is not None))
    width = len(table.panels) * (LEFT + WIDTH + RIGHT) + (len(table.panels) - 1) * GAP
    facts = _facts(model, width)
    above = TOP + LINE * (len(facts) - 1)
    legend, lines = _legend(series, width, above - 14) if _has_legend(table, model) else ([], 0)
    top = above + lines * LINE
    height = top + HEIGHT + BOTTOM
    title = table_title(table)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="DejaVu Sans, Helvetica, Arial, sans-serif" font-size="11" fill="{INK}">',
        f"<title>{_text(f'{title}; {model_title(model)}')}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _words(10, 20, _fitted(title, width, 7.4), 'font-size="13" font-weight="bold"'),
        *(_words(10, 37 + LINE * line, words, f'fill="{SOFT}"') for line, words in enumerate(facts)),
        *legend,
    ]
    for index, panel in enumerate(table.panels):
        rows = [row for row in model.rows if row.panel == index and row.x is not None and row.value is not None]
        left = LEFT + index * (LEFT + WIDTH + RIGHT + GAP)
        name = f"({_letter(index)}) {panel.title}" if len(table.panels) > 1 else ""
        parts += _panel(panel, name, rows, series, model, left, top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _letter(index: int) -> str:
    """a, b, c; numbers where these run out."""
    return ascii_lowercase[index] if index < len(ascii_lowercase) else str(index + 1)


def _facts(model: ReproducedModel, width: float) -> list[str]:
    """Model, images and what the bars are, in two lines where one is too short."""
    intervals = ", 95 % intervals" if any(row.cell is not None for row in model.rows) else ""
    parts = [model_title(model), f"{model.samples:,} images{intervals}"]
    whole = "; ".join(parts)
    lines = [whole] if LETTER * len(whole) < width - 20 else parts
    return [_fitted(line, width, LETTER) for line in lines]


def _fitted(words: str, width: float, letter: float) -> str:
    return short(words, max(20, int((width - 20) / letter)))


def _has_legend(table: ReproducedTable, model: ReproducedModel) -> bool:
    """Whether some panel has several curves; a single one is named by its axis."""
    return any(
        len({row.series for row in model.rows if row.panel == index and row.x is not None}) > 1
        for index in range(len(table.panels))
    )


def _legend(series: Sequence[str], width: float, top: float) -> tuple[list[str], int]:
    """A sample of each curve with its name, in as many lines as they need; top: of the first."""
    parts: list[str] = []
    x, line = 10.0, 0
    for index, name in enumerate(series):
        needed = 34 + LETTER * len(name) + 16
        if x > 10 and x + needed > width:
            x, line = 10.0, line + 1
        y = top + line * LINE
        parts += [
            f'<path d="M{x:g} {y}h26" {_stroke(index)}/>',
            _marker(index, x + 13, y, ""),
            _words(x + 32, y + 4, name),
        ]
        x += needed
    return parts, line + 1


def _panel(
    panel: Panel,
    name: str,
    rows: Sequence[ReproducedRow],
    series: Sequence[str],
    model: ReproducedModel,
    left: float,
    top: float,
) -> Iterator[str]:
    if not rows:
        yield _words(left + WIDTH / 2, top + HEIGHT / 2, "nothing could be run", 'text-anchor="middle"')
        return
    places = {row.x: row.at for row in rows if row.x is not None}
    largest = 1.0 if panel.share else _rounded_up(max(_value(row) for row in rows))
    axes = Axes(left, top, _along(list(places), panel.log_x, left), lambda value: top + HEIGHT * (1 - value / largest))
    yield from _frame(panel, name, axes, places, largest)
    if panel.share:
        clean = axes.y(model.clean.value)
        yield f'<path d="M{left:g} {clean:.1f}h{WIDTH}" stroke="{SOFT}" stroke-dasharray="3 3" fill="none"/>'
        words = f"no attack {percent(model.clean.value)}"
        # Above the line: attacks leave no more, so that no curve runs through the words.
        yield _words(axes.right - 4, clean - 5, words, f'text-anchor="end" fill="{SOFT}"')
    else:
        yield from _marks(model, axes, places)
    several = len({row.series for row in rows}) > 1
    for index, curve in enumerate(series):
        points = [row for row in rows if row.series == curve]
        yield from _curve(points, axes, index if several else 0)


def _marks(model: ReproducedModel, axes: Axes, places: dict[float, str]) -> Iterator[str]:
    """Upright lines at the temperatures of some rules, each name on a line of its own."""
    inside = sorted((axes.x(mark.x), mark.name) for mark in model.marks if min(places) <= mark.x <= max(places))
    for index, (x, name) in enumerate(inside):
        yield f'<path d="M{x:.1f} {axes.top:g}v{HEIGHT}" stroke="{SOFT}" stroke-dasharray="3 3" fill="none"/>'
        needed = LETTER * len(name) + 8
        following = inside[index + 1][0] if index + 1 < len(inside) else axes.right
        before = following - x < needed
        style = f'fill="{SOFT}" {HALO}' + (' text-anchor="end"' if before else "")
        yield _words(round(x - 4 if before else x + 4, 1), axes.top + 30 + 14 * index, name, style)


def _frame(panel: Panel, name: str, axes: Axes, places: dict[float, str], largest: float) -> Iterator[str]:
    """Grid, ticks and titles of the axes."""
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = axes.y(share * largest)
        label = f"{100 * share:.0f} %" if panel.share else significant(share * largest)
        yield f'<path d="M{axes.left:g} {y:.1f}h{WIDTH}" stroke="{GRID}"/>'
        yield _words(axes.left - 6, y + 4, label, 'text-anchor="end"')
    for x, words in _ticks(panel, axes, places):
        yield f'<path d="M{x:.1f} {axes.bottom:g}v4" stroke="{INK}"/>'
        yield _words(x, axes.bottom + 17, words, 'text-anchor="middle"')
    yield f'<path d="M{axes.left:g} {axes.top:g}v{HEIGHT}h{WIDTH}" stroke="{INK}" fill="none"/>'
    yield _words(axes.left + WIDTH / 2, axes.bottom + 36, panel.x_title, 'text-anchor="middle"')
    x, y = axes.left - 44, axes.top + HEIGHT / 2
    yield _words(x, y, _formula(panel.y_title), f'text-anchor="middle" transform="rotate(-90 {x:g} {y:g})"')
    if name:
        yield _words(axes.left, axes.top - 8, name, 'font-weight="bold"')


def _ticks(panel: Panel, axes: Axes, places: dict[float, str]) -> Iterator[tuple[float, str]]:
    """The places themselves where they are few, else the powers of ten; of labels that would touch, every other is left out."""
    if len(places) > MARKED and panel.log_x and min(places) > 0:
        low, high = math.ceil(math.log10(min(places)) - 1e-9), math.floor(math.log10(max(places)) + 1e-9)
        step = max(1, (high - low) // 6)
        for power in range(low, high + 1, step):
            yield axes.x(10.0**power), f"10{str(power).translate(_RAISED)}"
        return
    last = -math.inf
    for place in sorted(places):
        x, half = axes.x(place), LETTER * len(places[place]) / 2 + 3
        if x - half >= last:
            yield x, places[place]
            last = x + half


def _curve(points: Sequence[ReproducedRow], axes: Axes, index: int) -> Iterator[str]:
    """The line, and where the points are few their intervals and markers."""
    if not points:
        return
    placed = [(axes.x(row.x), axes.y(_value(row)), row) for row in points if row.x is not None]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in placed)
    yield f'<polyline points="{line}" {_stroke(index)}/>'
    if len(placed) > MARKED:
        return
    for x, _, row in placed:
        if row.cell is not None:
            low, high = axes.y(max(0.0, row.cell.low)), axes.y(row.cell.high)
            bar = f"M{x:.1f} {low:.1f}V{high:.1f}M{x - 2.5:.1f} {low:.1f}h5M{x - 2.5:.1f} {high:.1f}h5"
            yield f'<path d="{bar}" stroke="{COLORS[index % len(COLORS)]}" fill="none"/>'
    for x, y, row in placed:
        yield _marker(index, x, y, f"{row.name}: {percent(row.value) if row.cell else significant(_value(row))}")


def _stroke(index: int) -> str:
    dash = DASHES[index % len(DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'stroke="{COLORS[index % len(COLORS)]}" stroke-width="1.8" stroke-linejoin="round" fill="none"{dashed}'


def _marker(index: int, x: float, y: float, says: str) -> str:
    """A circle, square, triangle, diamond, cross or bar, filled white."""
    color = COLORS[index % len(COLORS)]
    title = f"<title>{_text(says)}</title>" if says else ""
    shapes = (
        "m-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z",
        "m-3-3h6v6h-6z",
        "m0-4l3.8 6.6h-7.6z",
        "m0-4.2l4.2 4.2l-4.2 4.2l-4.2-4.2z",
        "m-3-3l6 6m0-6l-6 6",
        "m-3.6 0h7.2m-3.6-3.6v7.2",
    )
    shape = shapes[index % len(shapes)]
    return f'<path d="M{x:.1f} {y:.1f}{shape}" fill="#ffffff" stroke="{color}" stroke-width="1.6">{title}</path>'


def _along(places: Sequence[float], log: bool, left: float) -> Callable[[float], float]:
    """From a value to its place, with a little room at both ends."""
    logarithmic = log and min(places) > 0

    def scaled(value: float) -> float:
        return math.log10(value) if logarithmic else value

    start, end = scaled(min(places)), scaled(max(places))
    room = 14.0 if len(places) <= MARKED else 0.0

    def place(value: float) -> float:
        share = (scaled(value) - start) / (end - start) if end > start else 0.5
        return left + room + (WIDTH - 2 * room) * share

    return place


def _formula(words: str) -> str:
    """The signs of mathematics in place of the letters that stand for them in plain text."""
    for plain, sign in (("||", "‖"), ("psi", "ψ"), ("dp/da", "∂p/∂a"), ("d²l/dx²", "∂²L/∂x²"), ("dl/dx", "∂L/∂x")):
        words = words.replace(plain, sign)
    return words


def _rounded_up(value: float) -> float:
    """The next of 1, 2, 4, 6, 8 or 10 times a power of ten, of which quarters are short numbers; 1 for nothing."""
    if not math.isfinite(value) or value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= value * (1 - 1e-9))


def _value(row: ReproducedRow) -> float:
    assert row.value is not None
    return row.value


def _words(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"{f" {style}" if style else ""}>{_text(text)}</text>'


def _text(words: str) -> str:
    return escape(short(words, 400), quote=True)
