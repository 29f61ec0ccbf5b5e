"""Sets of numbers that a quantizer rounds to: whole numbers of some bits, and floats of eight bits or fewer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor


class RoundingMode(StrEnum):
    """How a number between two points of a grid is decided; the first is ONNX's, and that of IEEE arithmetic."""

    HALF_EVEN = "HALF_EVEN"
    HALF_UP = "HALF_UP"
    HALF_DOWN = "HALF_DOWN"
    HALF_CEIL = "HALF_CEIL"
    HALF_FLOOR = "HALF_FLOOR"
    UP = "UP"
    DOWN = "DOWN"
    CEIL = "CEIL"
    FLOOR = "FLOOR"

    @classmethod
    def parse(cls, text: str) -> RoundingMode:
        """A mode by any of its names; NotImplementedError for others."""
        name = {"ROUND": "HALF_EVEN", "ROUND_TO_ZERO": "DOWN"}.get(text.upper(), text.upper())
        if name not in tuple(RoundingMode):
            raise NotImplementedError(f"rounding mode {text!r}")
        return cls(name)


ROUNDINGS: dict[RoundingMode, Callable[[Tensor], Tensor]] = {
    RoundingMode.HALF_EVEN: torch.round,
    RoundingMode.HALF_UP: lambda values: torch.sign(values) * torch.floor(values.abs() + 0.5),
    RoundingMode.HALF_DOWN: lambda values: torch.sign(values) * torch.ceil(values.abs() - 0.5),
    RoundingMode.HALF_CEIL: lambda values: torch.floor(values + 0.5),
    RoundingMode.HALF_FLOOR: lambda values: torch.ceil(values - 0.5),
    RoundingMode.UP: lambda values: torch.sign(values) * torch.ceil(values.abs()),
    RoundingMode.DOWN: torch.trunc,
    RoundingMode.CEIL: torch.ceil,
    RoundingMode.FLOOR: torch.floor,
}


def rounded(values: Tensor, mode: RoundingMode = RoundingMode.HALF_EVEN) -> Tensor:
    """Whole numbers (...) of values (...); UP and HALF_UP go away from zero, DOWN and HALF_DOWN towards it.

    HALF_CEIL is floor(x + 0.5), HALF_FLOOR ceil(x - 0.5), with the rounding of those sums.
    """
    return ROUNDINGS[mode](values)


@dataclass(frozen=True, slots=True)
class Grid:
    """The numbers from low to high: whole ones, or floats with `mantissa` bits and exponents from `exponent` on.

    beyond: what a float that overflows becomes where it does not saturate (infinity or NaN).
    """

    bits: int
    low: float
    high: float
    mantissa: int | None = None
    exponent: int = 0
    beyond: float = math.nan

    @classmethod
    def whole(cls, bits: int, signed: bool, narrow: bool = False) -> Grid:
        """Whole numbers of some bits, without the one that has no opposite (or the largest unsigned one) if `narrow`."""
        if signed:
            return cls(bits, float(narrow - 2 ** (bits - 1)), float(2 ** (bits - 1) - 1))
        return cls(bits, 0.0, float(2**bits - 1 - narrow))

    @classmethod
    def between(cls, low: float, high: float) -> Grid:
        """Whole numbers from low to high, more than one, and the bits that tell so many apart."""
        return cls(math.ceil(math.log2(high - low + 1)), low, high)

    @classmethod
    def floats(cls, bits: int, mantissa: int, bias: int, high: float, beyond: float = math.nan) -> Grid:
        """Signed floats with subnormals."""
        return cls(bits, -high, high, mantissa, 1 - bias, beyond)

    def nearest(self, values: Tensor, mode: RoundingMode = RoundingMode.HALF_EVEN) -> Tensor:
        """Values (...) rounded to the grid, as if it had no ends."""
        if self.mantissa is None:
            return rounded(values, mode)
        exponent = torch.frexp(values).exponent - 1
        step = torch.exp2((exponent.clamp_min(self.exponent) - self.mantissa).to(values.dtype))
        return rounded(values / step, mode) * step

    def inside(self, values: Tensor, saturate: bool = True) -> Tensor:
        """Values of the endless grid (...) brought to its ends, or to `beyond` where a float does not saturate."""
        clipped = values.clamp(self.low, self.high)
        if saturate or self.mantissa is None:
            return clipped
        return torch.where(clipped == values, values, torch.copysign(torch.full_like(values, self.beyond), values))


Ends = tuple[float, float]

TOLERANCE = 1e-4
"""How far the ends of a clip may be from whole numbers once they are scaled, to be those of a grid; not tuned."""
MOST_BETWEEN = 3
"""Scales and shifts between a clip and a rounding that are one quantizer; not tuned."""


def whole_ends(one: float, other: float) -> Ends | None:
    """The ends of the grid of whole numbers that values clipped to these numbers, in any order, are rounded to; else None."""
    if not (math.isfinite(one) and math.isfinite(other)):
        return None
    low, high = sorted((float(round(one)), float(round(other))))
    whole = abs(one - round(one)) <= TOLERANCE and abs(other - round(other)) <= TOLERANCE
    return (low, high) if whole and low < high else None


def affine(op: str, number: float, first: bool) -> tuple[float, float] | None:
    """(factor, shift) of `mul`, `add`, `sub` or `div` of a value, as the `first` operand or the second, and a number.

    None where that is not an affine map of the value: a number divided by it, or it by 0.
    """
    match op:
        case "mul":
            return number, 0.0
        case "add":
            return 1.0, number
        case "sub":
            return (1.0, -number) if first else (-1.0, number)
        case _:
            return (1.0 / number, 0.0) if first and number else None
