"""QONNX's operators written with standard ones, for runtimes that know no others.

Made from the operators' definitions alone, not from the differentiable modules, so that the two can be held against each
other. Works from operator set 9 on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

from bnnaudit.core.errors import one_line
from bnnaudit.onnx_import.graph.graph import QONNX_DOMAINS, Graph, attribute, qualified_name
from bnnaudit.onnx_import.passes.shape_stand_ins import infer_shapes

WHOLE_FROM = 12582912.0
"""1.5 * 2^23: single precision has no bits for fractions there, so that adding it rounds half to even, and
subtracting it leaves the whole number. For operator sets without Round; holds up to 2^22 in size."""

MOST_EXPONENTS = 32
"""Exponents of a float format that are told apart one by one; not tuned."""

SIZES = {
    "UP": ("Ceil", 0.0),
    "DOWN": ("Floor", 0.0),
    "ROUND_TO_ZERO": ("Floor", 0.0),
    "HALF_UP": ("Floor", 0.5),
    "HALF_DOWN": ("Ceil", -0.5),
}
"""Modes that keep the sign: what makes a whole number of the size, and what is added to the size before."""


class Writer:
    """Collects the nodes that replace one, in a model of some operator set."""

    def __init__(self, graph: Graph, node: NodeProto) -> None:
        self.graph = graph
        self.node = node
        self.nodes: list[NodeProto] = []

    def add(self, op: str, *inputs: str | float, output: str | None = None, **settings: Any) -> str:
        """A node of a standard operator; numbers among the inputs are stored as float scalars. Returns its output."""
        names = [value if isinstance(value, str) else self.store(np.float32(value)) for value in inputs]
        result = output or f"{self.node.output[0]}/standard_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, names, [result], **settings))
        return result

    def store(self, array: object) -> str:
        """A stored tensor."""
        stored = np.asarray(array)
        name = self.graph.fresh_name(f"{self.node.output[0]}/constant")
        return self.graph.add_constant(name, stored)

    def constant(self, position: int) -> np.ndarray:
        """The constant at an input; NotImplementedError where it is computed."""
        array = self.graph.stored(self.node.input[position])
        if array is None:
            raise NotImplementedError(f"{qualified_name(self.node)} with a computed input {position}")
        return np.asarray(array)

    def operand(self, position: int) -> str:
        """A scale or a zero point as floats, whatever type the file gives it: exporters write whole numbers of any width."""
        name = str(self.node.input[position])
        kind = self.graph.element_type(name)
        maker = self.graph.maker(name)
        if kind == TensorProto.FLOAT:
            return name
        if maker is None or maker.op_type == "Constant":
            return self.store(self.constant(position).astype(np.float32))
        return self.add("Cast", name, to=TensorProto.FLOAT)

    def number(self, position: int) -> float:
        """The one number at an input."""
        array = self.constant(position)
        if array.size != 1:
            raise NotImplementedError(f"{qualified_name(self.node)} with {array.size} numbers at input {position}")
        return float(array.ravel()[0])

    def rounded(self, value: str, mode: str) -> str:
        """A value rounded to whole numbers."""
        match mode.upper():
            case "ROUND" | "HALF_EVEN" if self.graph.opset >= 11:
                return self.add("Round", value)
            case "ROUND" | "HALF_EVEN":
                return self.add("Sub", self.add("Add", value, WHOLE_FROM), WHOLE_FROM)
            case "CEIL" | "FLOOR":
                return self.add(mode.capitalize(), value)
        if mode.upper() not in SIZES:
            raise NotImplementedError(f"rounding mode {mode!r}")
        step, shift = SIZES[mode.upper()]
        size = self.add("Abs", value)
        if shift:
            size = self.add("Add" if shift > 0 else "Sub", size, abs(shift))
        return self.add("Mul", self.add("Sign", value), self.add(step, size))

    def clipped(self, value: str, low: float, high: float) -> str:
        """A value brought to low..high."""
        return self.add("Max", self.add("Min", value, high), low)

    def reached(self, value: str, threshold: str | float) -> str:
        """1 where value >= threshold, else 0."""
        below = self.add("Less", value, threshold)
        return self.add("Cast", self.add("Not", below), to=TensorProto.FLOAT)


def to_standard_form(model: ModelProto) -> ModelProto:
    """The model, changed in place, with every operator of `WRITERS` replaced; NotImplementedError where one cannot be."""
    if not any(qualified_name(node) in WRITERS for node in model.graph.node):
        return model
    if any(node.op_type == "MultiThreshold" for node in model.graph.node):
        _infer_axes(model)
    graph = Graph(model)
    for node in list(graph.nodes):
        write = WRITERS.get(qualified_name(node))
        if write is not None:
            writer = Writer(graph, node)
            try:
                write(writer)
            except (LookupError, AttributeError, TypeError, ValueError, ArithmeticError) as error:
                # Nobody has checked the inputs and attributes of a domain that ONNX does not know.
                raise NotImplementedError(f"{qualified_name(node)} {node.name!r} ({one_line(error)})") from error
            graph.replace([node], writer.nodes)
    graph.save()
    return model


def _infer_axes(model: ModelProto) -> None:
    """Store the shapes of values: thresholds are brought to their axes."""
    inferred = infer_shapes(model)
    del model.graph.value_info[:]
    model.graph.value_info.extend(inferred.graph.value_info)


def _ends(bits: float, signed: bool, narrow: bool) -> tuple[float, float]:
    if signed:
        return -(2.0 ** (bits - 1)) + narrow, 2.0 ** (bits - 1) - 1
    return 0.0, 2.0**bits - 1 - narrow


def _settings(writer: Writer, default: str) -> tuple[bool, bool, str]:
    mode = attribute(writer.node, "rounding_mode", default.encode())
    signed, narrow = attribute(writer.node, "signed", 1), attribute(writer.node, "narrow", 0)
    return bool(signed), bool(narrow), mode.decode()


def _quant(writer: Writer) -> None:
    x, scale, zero_point = writer.node.input[0], writer.operand(1), writer.operand(2)
    bits = writer.number(3)
    signed, narrow, mode = _settings(writer, "ROUND")
    shifted = writer.add("Add", writer.add("Div", x, scale), zero_point)
    if bits == 1 and signed:
        levels = _sign(writer, shifted)
    else:
        levels = writer.rounded(writer.clipped(shifted, *_ends(bits, signed, narrow)), mode)
    writer.add("Mul", writer.add("Sub", levels, zero_point), scale, output=writer.node.output[0])


def _sign(writer: Writer, value: str) -> str:
    """-1 below zero, else 1."""
    return writer.add("Sub", writer.add("Mul", writer.reached(value, 0.0), 2.0), 1.0)


def _bipolar(writer: Writer) -> None:
    x, scale = writer.node.input[0], writer.operand(1)
    writer.add("Mul", _sign(writer, writer.add("Div", x, scale)), scale, output=writer.node.output[0])


def _trunc(writer: Writer) -> None:
    x, scale, zero_point = writer.node.input[0], writer.operand(1), writer.operand(2)
    signed, narrow, mode = _settings(writer, "FLOOR")
    whole = writer.rounded(writer.add("Add", writer.add("Div", x, scale), zero_point), "ROUND")
    if len(writer.node.input) <= 5:
        cut = writer.rounded(writer.add("Div", whole, 2.0 ** (writer.number(3) - writer.number(4))), mode)
        writer.add("Mul", writer.add("Sub", cut, zero_point), scale, output=writer.node.output[0])
        return
    out_scale = writer.number(4)
    divisor = 2.0 ** round(math.log2(out_scale / writer.number(1)))
    cut = writer.rounded(writer.add("Div", whole, divisor), mode)
    cut = writer.clipped(cut, *_ends(writer.number(5), signed, narrow))
    left = writer.add("Sub", cut, writer.add("Div", zero_point, divisor))
    writer.add("Mul", left, out_scale, output=writer.node.output[0])


def _float_quant(writer: Writer) -> None:
    """The distance of neighbouring numbers doubles at every power of two that |x| reaches."""
    node = writer.node
    x, scale = node.input[0], writer.operand(1)
    _, _, mode = _settings(writer, "ROUND")
    exponents, mantissa, bias = (int(writer.number(position)) for position in (2, 3, 4))
    first, last = 1 - bias, 2**exponents - 1 - bias
    if last - first > MOST_EXPONENTS:
        raise NotImplementedError(f"FloatQuant with {exponents} exponent bits")
    if not attribute(node, "has_subnormal", 1) or not attribute(node, "saturation", 1):
        raise NotImplementedError("FloatQuant without subnormals or saturation")
    scaled = writer.add("Div", x, scale)
    size = writer.add("Abs", scaled)
    step: str | float = 2.0 ** (first - mantissa)
    for exponent in range(first + 1, last + 1):
        step = writer.add("Mul", writer.add("Add", writer.reached(size, 2.0**exponent), 1.0), step)
    nearest = writer.add("Mul", writer.rounded(writer.add("Div", scaled, step), mode), step)
    largest = writer.number(5) if len(node.input) > 5 and node.input[5] else _largest(node, exponents, mantissa, bias)
    low = -largest if attribute(node, "signed", 1) else 0.0
    writer.add("Mul", writer.clipped(nearest, low, largest), scale, output=node.output[0])


def _largest(node: NodeProto, exponents: int, mantissa: int, bias: int) -> float:
    """The largest finite number: codes for infinity and no number cost an exponent if both, else one mantissa."""
    codes = bool(attribute(node, "has_inf", 0)) + bool(attribute(node, "has_nan", 0))
    top = 2**exponents - 1 - bias - (1 if codes == 2 else 0)
    mantissas = 2**mantissa - 1 - (1 if codes == 1 else 0)
    return float(2.0**top * (1 + mantissas / 2**mantissa))


def _multi_threshold(writer: Writer) -> None:
    x = writer.node.input[0]
    thresholds = writer.constant(1).astype(np.float32)
    shape = writer.graph.shape(x)
    if shape is None:
        raise NotImplementedError("MultiThreshold on a tensor of unknown axes")
    layout = attribute(writer.node, "data_layout", b"NCHW").decode()
    behind = 0 if layout == "NHWC" else len(shape) - 2
    spread = thresholds.reshape(thresholds.shape[0], *[1] * behind, thresholds.shape[1])
    axes = [len(shape)]
    reached = writer.reached(_on_axes(writer, "Unsqueeze", x, axes), writer.store(spread))
    count = _on_axes(writer, "ReduceSum", reached, axes, keepdims=0)
    scaled = writer.add("Mul", count, float(attribute(writer.node, "out_scale", 1.0)))
    writer.add("Add", scaled, float(attribute(writer.node, "out_bias", 0.0)), output=writer.node.output[0])


def _on_axes(writer: Writer, op: str, value: str, axes: Sequence[int], **settings: Any) -> str:
    """An operator whose axes became an input with operator set 13."""
    if writer.graph.opset >= 13:
        return writer.add(op, value, writer.store(np.array(axes, dtype=np.int64)), **settings)
    return writer.add(op, value, axes=list(axes), **settings)


_OPERATORS: dict[str, Callable[[Writer], None]] = {
    "Quant": _quant,
    "IntQuant": _quant,
    "BipolarQuant": _bipolar,
    "Trunc": _trunc,
    "FloatQuant": _float_quant,
    "MultiThreshold": _multi_threshold,
}

WRITERS: dict[str, Callable[[Writer], None]] = {
    f"{domain}.{op}": write for domain in QONNX_DOMAINS for op, write in _OPERATORS.items()
}
