"""Sets of numbers that a quantizer rounds to: whole numbers of some bits, and floats of eight bits or fewer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

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


def rounded(values: Tensor, mode: RoundingMode = RoundingMode.HALF_EVEN) -> Tensor:
    """Whole numbers (...) of values (...); UP and HALF_UP go away from zero, DOWN and HALF_DOWN towards it.

    HALF_CEIL is floor(x + 0.5), HALF_FLOOR ceil(x - 0.5), with the rounding of those sums.
    """
    match mode:
        case RoundingMode.HALF_EVEN:
            return torch.round(values)
        case RoundingMode.HALF_UP:
            return torch.sign(values) * torch.floor(values.abs() + 0.5)
        case RoundingMode.HALF_DOWN:
            return torch.sign(values) * torch.ceil(values.abs() - 0.5)
        case RoundingMode.HALF_CEIL:
            return torch.floor(values + 0.5)
        case RoundingMode.HALF_FLOOR:
            return torch.ceil(values - 0.5)
        case RoundingMode.UP:
            return torch.sign(values) * torch.ceil(values.abs())
        case RoundingMode.DOWN:
            return torch.trunc(values)
        case RoundingMode.CEIL:
            return torch.ceil(values)
        case RoundingMode.FLOOR:
            return torch.floor(values)
        case _:
            assert_never(mode)


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
