"""The gradients that stand in for those of sign and round, as plain values. What computes them is in `quantization/`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.errors import UsageError
from bnnaudit.core.limits import LARGEST_NUMBER, SMALLEST_NUMBER


class SurrogateKind(StrEnum):
    """The shape of the derivative over t = z / w, z the pre-activation and w the width; each is 1 at t = 0.

    relaxed asks for another network, in which every step is tanh(t): attacks climb that smooth network, and the network
    itself still judges. As the width narrows the smooth network becomes the network (a continuation method). Whatever
    differentiates the network itself takes the derivative of tanh for it.
    """

    IDENTITY = "identity"
    CLIPPED = "clipped"
    TRIANGULAR = "triangular"
    POLYNOMIAL = "polynomial"
    TANH = "tanh"
    ARCTAN = "arctan"
    RELAXED = "relaxed"


class WidthUnit(StrEnum):
    """What a width is a multiple of.

    absolute: 1 (on a grid: its step). image: the mean |z| of the layer over the image at hand. layer: the same over the
    calibration images. reach: how far the layer's z moves, in the mean over the calibration images, between an image and a
    random point of its ball, so that the surrogate looks just as far around each unit as the attack can carry it.
    """

    ABSOLUTE = "absolute"
    IMAGE = "image"
    LAYER = "layer"
    REACH = "reach"

    @property
    def measured(self) -> bool:
        """Whether it is measured on calibration images before the attack."""
        return self in (WidthUnit.LAYER, WidthUnit.REACH)


DEFAULT_WIDTHS = {
    SurrogateKind.IDENTITY: 0.0,
    SurrogateKind.CLIPPED: 1.0,
    SurrogateKind.TRIANGULAR: 0.35,
    SurrogateKind.POLYNOMIAL: 0.35,
    SurrogateKind.TANH: 0.25,
    SurrogateKind.ARCTAN: 0.15,
    SurrogateKind.RELAXED: 0.25,
}
"""Width of each kind where none is stated, in its `default_unit`."""
ALIASES = {"adaptive": SurrogateKind.TRIANGULAR, "sech2": SurrogateKind.TANH}
"""Other names in use."""


def default_unit(kind: SurrogateKind) -> WidthUnit:
    """The unit of a width that names none: `clipped` is absolute, as binary networks are trained; the rest follow the image."""
    return WidthUnit.ABSOLUTE if kind in (SurrogateKind.IDENTITY, SurrogateKind.CLIPPED) else WidthUnit.IMAGE


@dataclass(frozen=True, slots=True)
class Surrogate:
    """A surrogate gradient: its shape, its width, and what the width is a multiple of.

    end: the width that it narrows (or widens) to in the course of a climb, in even ratios; None where it stays.
    """

    kind: SurrogateKind = SurrogateKind.IDENTITY
    width: float = 0.0
    unit: WidthUnit = WidthUnit.ABSOLUTE
    end: float | None = None

    @classmethod
    def usual(cls, kind: SurrogateKind, width: float | None = None) -> Surrogate:
        """A surrogate of this kind in its usual unit, and of its usual width where none is given."""
        return cls(kind, DEFAULT_WIDTHS[kind] if width is None else width, default_unit(kind))

    @classmethod
    def parse(cls, text: str) -> Surrogate:
        """KIND[:WIDTH[..END][:UNIT]]: `identity`, `triangular`, `tanh:0.5`, `tanh:4..0.5:reach`; UsageError otherwise."""
        name, colon, rest = text.partition(":")
        if name not in (*SurrogateKind, *ALIASES):
            names = ", ".join(SurrogateKind)
            raise UsageError(
                f"surrogate: {text[:40]!r} is not one of {names} (a width may follow, as in triangular:0.5)"
            )
        kind = ALIASES[name] if name in ALIASES else SurrogateKind(name)
        if not colon:
            return cls.usual(kind)
        widths, unit_follows, unit = rest.partition(":")
        width, narrows, end = widths.partition("..")
        if kind is SurrogateKind.IDENTITY or not _is_width(width) or (narrows and not _is_width(end)):
            raise UsageError(
                f"surrogate: {text!r} has no usable width; every kind but identity takes a positive number, up to "
                f"{LARGEST_NUMBER:g}"
            )
        if unit_follows and unit not in tuple(WidthUnit):
            raise UsageError(f"surrogate: {text!r} has a width in {unit!r}, which is not one of {', '.join(WidthUnit)}")
        return cls(kind, float(width), WidthUnit(unit) if unit else default_unit(kind), float(end) if narrows else None)

    @property
    def relaxes(self) -> bool:
        """Whether attacks climb a smooth network in place of the network, which must be asked beside it."""
        return self.kind is SurrogateKind.RELAXED

    def at(self, progress: float) -> Surrogate:
        """The surrogate of constant width after this fraction of a climb, 0 at its start and 1 at its end."""
        if self.end is None:
            return self
        return Surrogate(self.kind, self.width * (self.end / self.width) ** progress, self.unit)

    def __str__(self) -> str:
        if self == Surrogate.usual(self.kind):
            return str(self.kind)
        unit = "" if self.unit is default_unit(self.kind) else f":{self.unit}"
        end = "" if self.end is None else f"..{self.end:g}"
        return f"{self.kind}:{self.width:g}{end}{unit}"


def _is_width(text: str) -> bool:
    try:
        return SMALLEST_NUMBER <= float(text) <= LARGEST_NUMBER
    except ValueError:
        return False


STRAIGHT_THROUGH = Surrogate()
"""The identity: the step is passed over as if it were not there."""
NARROWING = Surrogate(SurrogateKind.TANH, 4, WidthUnit.REACH, 0.5)
"""What many small steps follow by default: at first thresholds that the attack can hardly reach, at last those close by.

Images left of about 100 by PGD++ (tracked, 20 steps), `triangular` before and this after: digits BNN-WAQ 0.05, 51 and 42;
traffic signs 1/255, 38 and 27, 3/255, 15 and 3; MNIST 2 bits 0.05, 0.1, 0.2, 91 and 92, 86 and 85, 82 and 65.
"""
