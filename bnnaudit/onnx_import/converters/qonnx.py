"""QONNX's quantizers: Quant (or IntQuant), BipolarQuant, Trunc and FloatQuant; they take floats and return floats.

The same under every domain that QONNX, older Brevitas and FINN write. Bit widths must be constants.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from onnx import NodeProto
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.graph import Graph, attribute, input_at
from bnnaudit.onnx_import.graph.quantizer_kinds import QuantizerKind, on_grid
from bnnaudit.onnx_import.operands import Operands, operands
from bnnaudit.quantization.grids import Grid, RoundingMode, rounded
from bnnaudit.quantization.quantizers import BinarySign
from bnnaudit.quantization.surrogates import round_step
from bnnaudit.quantization.uniform import GridQuantizer, UniformQuantizer


class Quant(UniformQuantizer):
    """Quant and FloatQuant: scale (round(x / scale + zero_point) - zero_point) within the grid; both broadcastable."""

    def __init__(
        self, tensors: Operands, grid: Grid, mode: RoundingMode, clip_first: bool = False, saturate: bool = True
    ) -> None:
        super().__init__(grid, mode, clip_first, saturate)
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> (...)."""
        scale, zero_point = self.tensors(*computed)
        return self.quantize(values, scale, zero_point)


class BipolarQuant(BinarySign):
    """BipolarQuant, and Quant to one signed bit: -scale below zero, else scale; the zero point shifts both as it is told.

    Quant: scale (sign(x / scale + zero_point) - zero_point), with sign(0) = +1.
    """

    def __init__(self, tensors: Operands) -> None:
        super().__init__()
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> (...) of two levels."""
        scale, zero_point = self.tensors(*computed)
        scaled = values / scale
        zero = torch.zeros_like(scale) if zero_point is None else zero_point
        result: Tensor = (super().forward(scaled + zero) - zero) * scale
        return result


class Trunc(Quant):
    """Trunc: a whole number of input bits loses its last ones; the result keeps its value, but for what was cut off.

    x / scale + zero_point is rounded, divided by 2^(input - output bits), and rounded again by the mode. The result's scale
    is the input's, or, in the newer form, one of its own (then it is clipped to the output bits as well).
    """

    def __init__(
        self, tensors: Operands, grid: Grid, mode: RoundingMode, divisor: float, own_scale: float | None
    ) -> None:
        super().__init__(tensors, grid, mode)
        self.divisor = divisor
        self.own_scale = own_scale

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> (...)."""
        scale, zero_point = self.tensors(*computed)
        zero = torch.zeros_like(scale) if zero_point is None else zero_point
        scaled = values / scale + zero
        whole = round_step(scaled, torch.round(scaled.detach())) / self.divisor
        if self.own_scale is None:
            result: Tensor = (round_step(whole, rounded(whole.detach(), self.mode)) - zero) * scale
        else:
            result = (self.onto_grid(whole) - zero / self.divisor) * self.own_scale
        return result


def _width(node: Node, position: int) -> int:
    array = node.constant(position)
    if array is None or array.size != 1 or not 1 <= float(array.ravel()[0]) <= 32 or float(array.ravel()[0]) % 1:
        raise NotImplementedError("a bit width that is not a whole number from 1 to 32")
    return int(array.ravel()[0])


def _mode(node: Node, default: str) -> RoundingMode:
    return RoundingMode.parse(str(node.attribute("rounding_mode", default)))


def quant(node: Node) -> Converted:
    """Quant, IntQuant."""
    bits = _width(node, 3)
    signed, narrow = node.flag("signed", 1), node.flag("narrow")
    tensors, names = operands(node, 1, 2)
    if bits == 1 and signed:
        return Converted(BipolarQuant(tensors), (node.inputs[0], *names))
    module = Quant(tensors, Grid.whole(bits, signed, narrow), _mode(node, "ROUND"), clip_first=True)
    return Converted(module, (node.inputs[0], *names))


def bipolar_quant(node: Node) -> Converted:
    """BipolarQuant."""
    tensors, names = operands(node, 1, len(node.inputs))
    return Converted(BipolarQuant(tensors), (node.inputs[0], *names))


def trunc(node: Node) -> Converted:
    """Trunc. Inputs: x, scale, zero_point, input bits, output bits; the newer form has the output's scale before the last."""
    newer = len(node.inputs) > 5
    bits = _width(node, 5 if newer else 4)
    tensors, names = operands(node, 1, 2)
    signed, narrow = node.flag("signed", 1), node.flag("narrow")
    own_scale, divisor = None, 2.0 ** (_width(node, 3) - bits)
    if newer:
        scales = [np.asarray(node.constant(position), dtype=np.float64) for position in (1, 4)]
        if any(scale.size != 1 for scale in scales):
            raise NotImplementedError("a Trunc with several scales")
        first, own_scale = (float(scale.ravel()[0]) for scale in scales)
        divisor = 2.0 ** round(math.log2(own_scale / first))
    module = Trunc(tensors, Grid.whole(bits, signed, narrow), _mode(node, "FLOOR"), divisor, own_scale)
    return Converted(module, (node.inputs[0], *names))


def float_quant(node: Node) -> Converted:
    """FloatQuant. Inputs: x, scale, exponent bits, mantissa bits, exponent bias, largest value (optional)."""
    exponent, mantissa = (int(np.asarray(node.constant(position)).ravel()[0]) for position in (2, 3))
    bias = float(np.asarray(node.constant(4)).ravel()[0])
    if bias % 1 or not node.attribute("has_subnormal", 1):
        raise NotImplementedError("floats with a fractional bias, or without subnormals")
    array = node.constant(5)
    largest = _largest(node, exponent, mantissa, bias) if array is None else float(array.ravel()[0])
    signed = node.flag("signed", 1)
    grid = Grid(
        exponent + mantissa + signed,
        -largest if signed else 0.0,
        largest,
        mantissa,
        1 - int(bias),
        math.inf if node.attribute("has_inf", 0) else math.nan,
    )
    tensors, names = operands(node, 1, len(node.inputs))
    module = Quant(tensors, grid, _mode(node, "ROUND"), saturate=node.flag("saturation", 1))
    return Converted(module, (node.inputs[0], *names))


def _largest(node: Node, exponent: int, mantissa: int, bias: float) -> float:
    """The largest number of a format; codes for infinity and no number take the highest exponent, or its last mantissa."""
    infinite, none = node.flag("has_inf"), node.flag("has_nan")
    top = 2**exponent - 1 - bias - (infinite and none)
    last = 2.0 - 2.0**-mantissa
    if infinite != none:
        last -= 2.0**-mantissa
    return min(float(2.0**top * last), torch.finfo(torch.float32).max)


def describe_quant(graph: Graph, node: NodeProto) -> QuantizerKind:
    """A Quant or IntQuant."""
    bits = graph.number(input_at(node, 3))
    if bits is None or not 1 <= bits <= 32:
        return QuantizerKind(GridQuantizer.op)
    signed, narrow = bool(attribute(node, "signed", 1)), bool(attribute(node, "narrow", 0))
    if bits == 1 and signed:
        return describe_bipolar(graph, node)
    return on_grid(graph, node, Grid.whole(int(bits), signed, narrow), 1, 2)


def describe_bipolar(graph: Graph, node: NodeProto) -> QuantizerKind:
    """A BipolarQuant."""
    return replace(on_grid(graph, node, Grid(1, -1.0, 1.0), 1, 2), op=BinarySign.op)


def describe_trunc(graph: Graph, node: NodeProto) -> QuantizerKind:
    """A Trunc."""
    bits = graph.number(input_at(node, 5 if len(node.input) > 5 else 4))
    return QuantizerKind("truncate", None if bits is None else int(bits))


def describe_float_quant(graph: Graph, node: NodeProto) -> QuantizerKind:
    """A FloatQuant."""
    widths = [graph.number(input_at(node, position)) for position in (2, 3)]
    known = [int(width) for width in widths if width is not None]
    bits = sum(known) + bool(attribute(node, "signed", 1)) if len(known) == 2 else None
    return QuantizerKind(GridQuantizer.op, bits)
