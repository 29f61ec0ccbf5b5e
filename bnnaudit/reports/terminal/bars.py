"""Bars drawn with block elements, to an eighth of a cell."""

_LEFT = " ▏▎▍▌▋▊▉█"
_LOWER = " ▁▂▃▄▅▆▇█"


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
