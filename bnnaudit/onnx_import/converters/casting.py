"""Cast and CastLike, between all types that tensors have here (see `carriers`).

Whole numbers that do not fit keep their low bits, as ONNX asks between whole types; floats are cut towards zero first.
A cast to a float of eight bits or fewer is a quantizer, with a straight-through gradient where it does not saturate; a
cast to whole numbers has no gradient.
"""

from __future__ import annotations

import torch
from onnx import TensorProto
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.graph.element_types import GRIDS
from bnnaudit.onnx_import.graph.torch_types import carrier
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.surrogates import round_step
from bnnaudit.quantization.uniform import GridQuantizer

# Bits of whole numbers that torch has no type for; the signed ones are negative.
NARROW_BITS = {"INT4": -4, "INT2": -2, "UINT4": 4, "UINT2": 2}

# Exponents of the powers of two that FLOAT8E8M0 holds.
E8M0_EXPONENTS = (-127, 127)


class Cast(nn.Module):
    """To a type of torch's own."""

    def __init__(self, target: torch.dtype) -> None:
        super().__init__()
        self.target = target

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...) of the target type."""
        if values.is_floating_point() and not self.target.is_floating_point and self.target != torch.bool:
            # Not every processor agrees on what a float becomes that does not fit; by way of int64 they do.
            values = values.to(torch.int64)
        return values.to(self.target)

    def extra_repr(self) -> str:
        """For people: the type."""
        return f"{self.target}"


class CastNarrow(nn.Module):
    """To whole numbers of `bits` bits (two's complement where negative), carried in eight."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.count = 2 ** abs(bits)
        self.low = -self.count // 2 if bits < 0 else 0

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...), int8 or uint8."""
        wrapped = torch.remainder(values.to(torch.int64) - self.low, self.count) + self.low
        return wrapped.to(torch.int8 if self.low else torch.uint8)


class CastToGrid(GridQuantizer):
    """To a float of eight bits or fewer, halves to even, carried in single precision.

    What is no number stays so in eight bits, and is 0 in four, which have none.
    """

    op = "cast"

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        plain = values.float()
        missing = plain.isnan()
        values_of_grid: Tensor = self.onto_grid(plain.masked_fill(missing, 0))
        return values_of_grid.masked_fill(missing, torch.nan if self.bits == 8 else 0)


class CastToPower(nn.Module):
    """To a power of two (FLOAT8E8M0), carried in single precision; the gradient is straight-through.

    rounding: up, down or nearest (halves up). Without `saturate` what lies outside of the range is no number.
    """

    def __init__(self, rounding: str, saturate: bool) -> None:
        super().__init__()
        self.rounding = rounding
        self.saturate = saturate

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        plain = values.float()
        mantissa, exponent = torch.frexp(plain.detach())
        # values = mantissa 2^exponent, mantissa from 1/2 to 1.
        above = {"up": mantissa > 0.5, "nearest": mantissa >= 0.75, "down": mantissa > 1}[self.rounding]
        power = (exponent - 1 + above.to(exponent.dtype)).to(plain.dtype)
        low, high = E8M0_EXPONENTS
        inside = (power >= low) & (power <= high) & plain.detach().isfinite() & (plain.detach() > 0)
        power = torch.where(plain.detach() == torch.inf, high, torch.where(plain.detach() <= 0, low, power))
        # The smallest power lies among the subnormal numbers, where exp2 need not be exact.
        result = torch.ldexp(torch.ones_like(plain), power.clamp(low, high))
        missing = plain.isnan() if self.saturate else ~inside
        return round_step(plain, result.masked_fill(missing, torch.nan))


class CastLike(nn.Module):
    """To the type that another tensor turns out to have, where the file does not tell it."""

    def forward(self, values: Tensor, like: Tensor) -> Tensor:
        """(...) -> (...) of the other's type."""
        cast: Tensor = Cast(like.dtype)(values)
        return cast


def cast_to(element_type: int, saturate: bool = True, rounding: str = "up") -> nn.Module:
    """The module that casts to a TensorProto type; NotImplementedError for strings and complex numbers."""
    if element_type in GRIDS and GRIDS[element_type].mantissa is not None:
        grid: Grid = GRIDS[element_type]
        return CastToGrid(grid, saturate=saturate)
    name = TensorProto.DataType.Name(element_type)
    if name in NARROW_BITS:
        return CastNarrow(NARROW_BITS[name])
    if name == "FLOAT8E8M0":
        return CastToPower(rounding, saturate)
    return Cast(carrier(element_type))


def _cast(node: Node) -> Converted:
    if node.element_type(0) == TensorProto.STRING:
        raise NotImplementedError("a cast of strings")
    target = node.attribute("to")
    if isinstance(target, str):
        # The first version names the type.
        target = TensorProto.DataType.Value(target)
    return Converted(_settled(node, int(target)), node.inputs)


def _cast_like(node: Node) -> Converted:
    target = node.element_type(1)
    if not target:
        return Converted(CastLike(), node.inputs)
    return Converted(_settled(node, target), node.inputs[:1])


def _settled(node: Node, target: int) -> nn.Module:
    return cast_to(target, bool(node.attribute("saturate", 1)), str(node.attribute("round_mode", "up")))


CONVERTERS: dict[str, Converter] = {"Cast": _cast, "CastLike": _cast_like}
