"""Bars to an eighth of a cell, and charts of them: columns beside one another, or rows where columns would not fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from bnnaudit.reports.numbers import percent, percent_number

HEIGHT = 8
_AXIS = 5
_GAP = 2
_BAR = "cyan"
_LEFT = " ▏▎▍▌▋▊▉█"
_LOWER = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Point:
    """One bar: what stands below it, and the fraction that it shows."""

    label: str
    fraction: float


def eighths(fraction: float, cells: int) -> int:
    """A fraction of `cells` cells in eighths of a cell, kept within 0 and 8 cells; NaN is 0."""
    if fraction != fraction:
        return 0
    return round(min(max(fraction, 0.0), 1.0) * cells * 8)


def horizontal(fraction: float, cells: int) -> str:
    """A bar of exactly `cells` signs that grows to the right."""
    full, rest = divmod(eighths(fraction, cells), 8)
    return ("█" * full + (_LEFT[rest] if rest else "")).ljust(cells)


def vertical(fraction: float, cells: int) -> str:
    """A bar of exactly `cells` signs, the lowest first, that grows upwards."""
    full, rest = divmod(eighths(fraction, cells), 8)
    return ("█" * full + (_LOWER[rest] if rest else "")).ljust(cells)


def chart(title: str, points: Sequence[Point], width: int) -> list[Text]:
    """Lines of one chart of fractions in percent, at most `width` columns wide.

    Columns with their value on top where they fit, else a row for each point.
    """
    slot = _slot(points, width)
    heads = [Text(line, style="bold") for line in wrap(title, width)]
    return heads + (_rows(points, width) if slot is None else _columns(points, *slot))


def side_by_side(charts: Sequence[Sequence[Text]], width: int, gap: int = 4) -> list[Text]:
    """Charts in reading order, as many beside one another as `width` holds, an empty line between the rows."""
    lines: list[Text] = []
    row: list[Sequence[Text]] = []
    taken = 0
    for block in charts:
        size = _width(block)
        if row and taken + gap + size > width:
            lines += [*_joined(row, gap), Text("")]
            row, taken = [], 0
        row.append(block)
        taken += size + (gap if taken else 0)
    return lines + _joined(row, gap)


def _slot(points: Sequence[Point], width: int) -> tuple[int, int] | None:
    """Width of a column and of the gap after it, or None where they do not fit."""
    widest = max((max(cell_len(point.label), len(percent_number(point.fraction))) for point in points), default=1)
    for gap in (_GAP, 1):
        if _AXIS + 1 + len(points) * (widest + gap) <= width:
            return widest, gap
    return None


def _columns(points: Sequence[Point], wide: int, gap: int) -> list[Text]:
    bars = [vertical(point.fraction, HEIGHT) for point in points]
    lines = []
    for level in reversed(range(HEIGHT + 1)):
        line = _tick(level)
        for point, bar in zip(points, bars, strict=True):
            line.append(" " * gap)
            line.append(*_cell(point, bar, level, wide))
        lines.append(line)
    axis = Text(f"{'0':>{_AXIS - 1}} └{'─' * (len(points) * (wide + gap))}", style="dim")
    labels = Text(" " * (_AXIS + 1))
    for point in points:
        labels.append(" " * gap + _centred(point.label, wide))
    return [*lines, axis, labels]


def _cell(point: Point, bar: str, level: int, wide: int) -> tuple[str, str]:
    """What column and level (0 the lowest) show: a piece of the bar, its value just above it, or nothing."""
    top = len(bar.rstrip())
    if level < top:
        return bar[level] * wide, _BAR
    if level == top:
        return _centred(percent_number(point.fraction), wide), "bold"
    return " " * wide, ""


def _tick(level: int) -> Text:
    marks = {HEIGHT - 1: "100", HEIGHT // 2 - 1: "50"}
    mark = marks.get(level)
    return Text().append(f"{mark or '':>{_AXIS - 1}} {'┤' if mark else '│'}", style="dim")


def _rows(points: Sequence[Point], width: int) -> list[Text]:
    wide = min(max((cell_len(point.label) for point in points), default=1), max(4, width // 3))
    room = max(4, width - wide - len("│100.0 %") - 4)
    lines = []
    for point in points:
        label = set_cell_size(point.label, min(wide, cell_len(point.label)))
        line = Text(" " * (2 + wide - cell_len(label)) + label)
        line.append(" │", style="dim")
        line.append(horizontal(point.fraction, room), style=_BAR)
        line.append(f"{percent(point.fraction):>8}", style="bold")
        lines.append(line)
    return lines


def _centred(text: str, wide: int) -> str:
    left = max(0, wide - cell_len(text)) // 2
    return set_cell_size(" " * left + text, wide)


def _width(block: Sequence[Text]) -> int:
    return max((line.cell_len for line in block), default=0)


def _joined(blocks: Sequence[Sequence[Text]], gap: int) -> list[Text]:
    """Blocks beside one another; the shorter ones get empty lines on top, so that all stand on one base line."""
    height = max((len(block) for block in blocks), default=0)
    padded = [[*[Text("")] * (height - len(block)), *block] for block in blocks]
    widths = [_width(block) for block in blocks]
    lines = []
    for cells in zip_longest(*padded, fillvalue=Text("")):
        line = Text()
        for cell, wide in zip(cells, widths, strict=True):
            line.append_text(cell)
            line.append(" " * (wide - cell.cell_len + gap))
        line.rstrip()
        lines.append(line)
    return lines
