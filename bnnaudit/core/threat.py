"""The threat model: which perturbations an attacker may add."""

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.errors import UsageError


class Norm(StrEnum):
    """How the size of a perturbation is measured."""

    LINF = "linf"
    L2 = "l2"


@dataclass(frozen=True, slots=True)
class Box:
    """The range of values that the network takes for one pixel, e.g. 0..1 or 0..255."""

    low: float = 0.0
    high: float = 1.0

    @property
    def width(self) -> float:
        """Range units per unit of the [0,1] image."""
        return self.high - self.low


WHOLE_STEP = 1e-6
"""Part of a step that arithmetic explains: a radius may lack it to a whole number of steps, for 8/255 * 255 need not be 8.
Not tuned."""


@dataclass(frozen=True, slots=True)
class InputGrid:
    """The values that an input of whole numbers can have, in the units of its box: first + k / steps * (last - first).

    k runs from 0 to `steps`; there is one entry for all channels, or one for each. `kind`: the type as people write it.
    """

    kind: str
    first: tuple[float, ...]
    last: tuple[float, ...]
    steps: tuple[int, ...]

    @property
    def unit(self) -> float | None:
        """From one value to the next; None where channels differ in it."""
        shortest, longest = self.shortest, max(self._units)
        return shortest if longest <= shortest * (1 + WHOLE_STEP) else None

    @property
    def shortest(self) -> float:
        """The smallest step of any channel."""
        return min(self._units)

    @property
    def _units(self) -> list[float]:
        ends = zip(self.first, self.last, self.steps, strict=True)
        return [(last - first) / steps for first, last, steps in ends]

    @property
    def values(self) -> int:
        """How many values a pixel can have."""
        return max(self.steps) + 1


@dataclass(frozen=True, slots=True)
class Threat:
    """Perturbations of norm at most `eps` that keep every pixel inside `box`.

    `eps` is in units of the [0,1] image, whatever range the network takes; `radius` is the same length in the box's units.
    With `image_bits` a pixel may only be changed to a value that so many bits can store; unchanged ones keep theirs. With
    `grid` the network takes no other values than its: no image lies between them. `l2_per_channel`: each colour channel has
    an L2 ball of its own, which allows sqrt(channels) times the radius in total; for comparison only.
    """

    norm: Norm
    eps: float
    box: Box = Box()
    image_bits: int | None = None
    grid: InputGrid | None = None
    l2_per_channel: bool = False

    @property
    def radius(self) -> float:
        """`eps` in the units of `box`, in L-inf only the whole steps of an input of whole numbers that it holds."""
        steps, unit = self.whole_steps, self.grid.unit if self.grid else None
        return self.eps * self.box.width if steps is None or unit is None else steps * unit

    @property
    def whole_steps(self) -> int | None:
        """The steps of an input of whole numbers that an L-inf radius holds; None where it has no such steps."""
        if self.grid is None or self.norm is not Norm.LINF or not self.grid.unit:
            return None
        return math.floor(self.eps * self.box.width / self.grid.unit + WHOLE_STEP)

    @property
    def empty(self) -> bool:
        """Whether an input of whole numbers has no other image within the radius."""
        return self.grid is not None and self.eps * self.box.width < self.grid.shortest * (1 - WHOLE_STEP)

    @property
    def discrete(self) -> bool:
        """Whether a pixel may only be changed to some values."""
        return self.image_bits is not None or self.grid is not None


DEFAULT_EPS = {Norm.LINF: 8 / 255, Norm.L2: 120 / 255}
"""Radii where none is stated: those of [Gupta & Ajanthan 2022] for CIFAR-10."""
IMAGE_BITS = (1, 16)
"""The fewest and the most bits that a pixel can be stored in: 16 are the most of a PNG."""

LONGEST_LENGTH = 1e6
"""No L2 distance between two images of less than a million million values is longer; single precision overflows far beyond."""

_LENGTH = re.compile(r"(?P<number>[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(?P<unit>px|/\s*(?P<divisor>[0-9.]+))?")


def parse_length(text: str | float, what: str = "eps") -> float:
    """A length in units of the [0,1] image from `0.03`, `8/255` or `8px` (pixels of 255).

    Raises UsageError, naming `what`, unless the length is a finite number of at least 0.
    """
    match = _LENGTH.fullmatch(str(text).strip())
    try:
        if match is None:
            raise ValueError
        value = float(match["number"])
        if match["unit"] == "px":
            value /= 255
        elif match["divisor"]:
            value /= float(match["divisor"])
        if not value <= LONGEST_LENGTH:
            raise ValueError
    except (ValueError, ZeroDivisionError):
        raise UsageError(f"{what}: {str(text)[:40]!r} is not a length; write 8/255, 8px or 0.03") from None
    return value


def require_radius(norm: Norm, radius: float, what: str = "eps") -> None:
    """Raises UsageError, naming `what`, for a radius beyond the whole range of a pixel, such as 8 for 8/255."""
    if norm is Norm.LINF and radius > 1:
        raise UsageError(
            f"{what}: {radius:g} is more than the whole range of a pixel; for {radius:g} of 255 write {radius:g}/255"
        )


_SAME = 1e-6
"""Lengths that differ by less are written the same: less than a thousandth of a pixel value. Not tuned."""


def length_text(length: float) -> str:
    """A length of the [0,1] image in its usual form: `8/255` for a whole number of pixel values, else a decimal.

    0.2, 0.4, 1 and the like are multiples of 1/255 as well, but nobody means 51/255 by them: they stay decimals. Half and quarter
    pixel values are written as such where the decimal is longer: `0.5/255`, but 0.1.
    """
    if is_pixel_count(length):
        return f"{round(length * 255)}/255"
    decimal = f"{length:.6g}"
    if not math.isfinite(length * 255):
        return decimal
    quarters = round(4 * 255 * length)
    fraction = f"{quarters / 4:g}/255"
    return fraction if abs(length - quarters / 4 / 255) < _SAME and len(fraction) < len(decimal) else decimal


def is_pixel_count(length: float) -> bool:
    """Whether this length is usually given in pixel values of 255."""
    if not math.isfinite(length * 255):
        return False
    pixels = round(length * 255)
    return abs(length - pixels / 255) < _SAME and pixels % 51 != 0
