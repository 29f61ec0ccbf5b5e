"""Cast and CastLike, between all types that tensors have here (see `torch_types`), and casts of quantized tensors.

Whole numbers that do not fit keep their low bits, as ONNX asks between whole types; floats are cut towards zero first.
A cast to a float of eight bits or fewer is a quantizer, with a straight-through gradient where it does not saturate; a
cast to whole numbers has no gradient.
"""

from __future__ import annotations

import torch
from onnx import NodeProto, TensorProto
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.element_types import GRIDS, SHORT, grid_of
from bnnaudit.onnx_import.graph.graph import Graph, attribute
from bnnaudit.onnx_import.graph.own_operators import QUANTIZES_TO
from bnnaudit.onnx_import.graph.quantizer_kinds import QuantizerKind
from bnnaudit.onnx_import.graph.torch_types import as_float, torch_type
from bnnaudit.onnx_import.operands import FunctionModule, call, onto_grid
from bnnaudit.quantization.grids import Grid, RoundingMode
from bnnaudit.quantization.surrogates import round_step
from bnnaudit.quantization.uniform import GridQuantizer

TRUNCATION = "truncate"

E8M0_EXPONENTS = (-127, 127)
"""Exponents of the powers of two that FLOAT8E8M0 holds."""


def cast(values: Tensor, target: torch.dtype) -> Tensor:
    """(...) -> (...) of the target type."""
    if values.is_floating_point() and not target.is_floating_point and target != torch.bool:
        # Not every processor agrees on what a float becomes that does not fit; by way of int64 they do.
        values = values.to(torch.int64)
    return values.to(target)


def cast_narrow(values: Tensor, low: int, high: int) -> Tensor:
    """(...) -> (...) whole numbers from low to high, in int8 or uint8: torch has no types of fewer bits."""
    wrapped = torch.remainder(values.to(torch.int64) - low, high - low + 1) + low
    return wrapped.to(torch.int8 if low else torch.uint8)


class CastToGrid(GridQuantizer):
    """To a float of eight bits or fewer, halves to even, in single precision.

    What is no number stays so in eight bits, and is 0 in four, which have none.
    """

    op = "cast"

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        plain = values.float()
        missing = plain.isnan()
        values_of_grid: Tensor = self.onto_grid(plain.masked_fill(missing, 0))
        return values_of_grid.masked_fill(missing, torch.nan if self.bits == 8 else 0)


def cast_to_power(values: Tensor, rounding: str, saturate: bool) -> Tensor:
    """(...) -> (...) powers of two (FLOAT8E8M0) in single precision; the gradient is straight-through.

    rounding: up, down or nearest (halves up). Without `saturate` what lies outside of the range is no number.
    """
    plain = values.float()
    mantissa, exponent = torch.frexp(plain.detach())
    # values = mantissa 2^exponent, mantissa from 1/2 to 1.
    above = {"up": mantissa > 0.5, "nearest": mantissa >= 0.75, "down": mantissa > 1}[rounding]
    power = (exponent - 1 + above.to(exponent.dtype)).to(plain.dtype)
    low, high = E8M0_EXPONENTS
    inside = (power >= low) & (power <= high) & plain.detach().isfinite() & (plain.detach() > 0)
    power = torch.where(plain.detach() == torch.inf, high, torch.where(plain.detach() <= 0, low, power))
    # The smallest power lies among the subnormal numbers, where exp2 need not be exact.
    result = torch.ldexp(torch.ones_like(plain), power.clamp(low, high))
    missing = plain.isnan() if saturate else ~inside
    return round_step(plain, result.masked_fill(missing, torch.nan))


def cast_to(element_type: int, saturate: bool = True, rounding: str = "up") -> nn.Module:
    """The module that casts to a TensorProto type; NotImplementedError for strings and complex numbers."""
    grid = GRIDS.get(element_type)
    if grid is not None and grid.mantissa is not None:
        return CastToGrid(grid, saturate=saturate)
    if grid is not None and grid.bits < 8:
        return FunctionModule(cast_narrow, low=int(grid.low), high=int(grid.high))
    if TensorProto.DataType.Name(element_type) == "FLOAT8E8M0":
        return FunctionModule(cast_to_power, rounding=rounding, saturate=saturate)
    return FunctionModule(cast, target=torch_type(element_type))


def cast_of(node: Node) -> Converted:
    """Cast."""
    if node.element_type(0) == TensorProto.STRING:
        raise NotImplementedError("a cast of strings")
    target = node.attribute("to")
    if isinstance(target, str):
        # The first version names the type.
        target = TensorProto.DataType.Value(target)
    return Converted(_settled(node, int(target)), node.inputs)


def cast_like(node: Node) -> Converted:
    """CastLike, to the type that the other tensor turns out to have where the file does not tell it."""
    target = node.element_type(1)
    if not target:
        return call(lambda values, like: cast(values, like.dtype), node.inputs)
    return Converted(_settled(node, target), node.inputs[:1])


def _settled(node: Node, target: int) -> nn.Module:
    return cast_to(target, node.flag("saturate", 1), str(node.attribute("round_mode", "up")))


def from_float(node: Node) -> Converted:
    """Floats that hold numbers of a type as that type, with no gradient where it is whole."""
    kind = torch_type(int(node.attribute(QUANTIZES_TO)))
    return call(lambda values: values.to(kind), node.inputs)


def truncation(node: Node) -> Converted:
    """Cast and Div of whole numbers, as floats: towards zero, with the straight-through gradient."""
    kind = int(node.attribute(QUANTIZES_TO))
    grid = grid_of(kind) if kind in SHORT else Grid.whole(64 if kind == TensorProto.INT64 else 32, signed=True)
    mode = RoundingMode.DOWN if grid.mantissa is None else RoundingMode.HALF_EVEN
    return onto_grid(grid, call(lambda values: (as_float(values),), node.inputs), mode, op=TRUNCATION)


def describe_truncation(_: Graph, node: NodeProto) -> QuantizerKind:
    """A `truncation`."""
    grid = GRIDS.get(attribute(node, QUANTIZES_TO))
    return QuantizerKind(TRUNCATION, None if grid is None else grid.bits)
