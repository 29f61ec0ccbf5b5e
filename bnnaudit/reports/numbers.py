"""How numbers are written for people: percentages, intervals, lengths, durations."""

import math

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.threat import Norm, Threat, length_text

MISSING = "-"
_NORMS = {Norm.LINF: "L-inf", Norm.L2: "L2"}


def percent_number(fraction: float | None) -> str:
    """0.5816 -> `58.2`; a dash where there is no number."""
    if fraction is None or not math.isfinite(fraction):
        return MISSING
    return f"{100 * fraction:.1f}"


def percent(fraction: float | None) -> str:
    """0.5816 -> `58.2 %`; a dash where there is no number."""
    number = percent_number(fraction)
    return number if number == MISSING else f"{number} %"


def interval(estimate: Estimate) -> str:
    """The 95 % interval in percent: `[52.5, 63.7]`."""
    return f"[{percent_number(estimate.low)}, {percent_number(estimate.high)}]"


def with_interval(estimate: Estimate | None) -> str:
    """`58.2 % [52.5, 63.7]`, or `not measured`."""
    return "not measured" if estimate is None else f"{percent(estimate.value)} {interval(estimate)}"


def in_points(difference: Estimate, side: str = "") -> str:
    """A difference of accuracies, `3.0 points [0.0, 6.7]`; `side` after the unit."""
    return f"{percent_number(difference.value)} points{side} {interval(difference)}"


def length(eps: float) -> str:
    """A length in units of the [0,1] image as `core` writes it; a dash where it is not a number."""
    return length_text(eps) if math.isfinite(eps) else MISSING


def threat_text(threat: Threat) -> str:
    """`L-inf 8/255`, `L2 0.5`; where only storable images count, `L-inf 8/255 in 8-bit pixels`."""
    grid = "" if threat.image_bits is None else f" in {threat.image_bits}-bit pixels"
    return f"{_NORMS[threat.norm]} {length(threat.eps)}{grid}"


def norm_name(norm: Norm) -> str:
    """`L-inf`, `L2`."""
    return _NORMS[norm]


def steps_text(threat: Threat) -> str:
    """What an input of whole numbers leaves of a radius: `8 of the 255 steps of the uint8 input`; empty for floats."""
    grid = threat.grid
    if grid is None:
        return ""
    steps = threat.whole_steps
    if steps is None:
        return f"only whole numbers of the {grid.kind} input"
    none = ", so no other image is that close" if steps == 0 else ""
    return f"{steps:,} of the {max(grid.steps):,} steps of the {grid.kind} input{none}"


def duration(seconds: float) -> str:
    """Milliseconds below a second (`340 ms`), else seconds with one decimal (`12.3 s`)."""
    if not math.isfinite(seconds):
        return MISSING
    return f"{1000 * seconds:.0f} ms" if seconds < 0.9995 else f"{seconds:.1f} s"


def count(number: int) -> str:
    """With thousands apart: `12,345`."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """`1 class`, `10 classes`, `3 steps`."""
    ending = "es" if noun.endswith(("s", "x", "ch")) else "s"
    return f"{count(number)} {noun}" if number == 1 else f"{count(number)} {noun}{ending}"


def significant(value: float, digits: int = 3) -> str:
    """`digits` significant figures without an exponent from 0.001 to 99,999, `1.2e-07` outside; 0 is `0`."""
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        text = f"{value:.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.{max(0, digits - 2)}e}"


def bits(number: int | None) -> str:
    """`1 bit`, `8 bits`, `float (32 bits)`, `unknown`."""
    if number is None:
        return "unknown"
    return "float (32 bits)" if number == 32 else plural(number, "bit")


def shape(sizes: tuple[int, ...]) -> str:
    """(3, 32, 32) -> `3 x 32 x 32`."""
    return " x ".join(str(size) for size in sizes)
