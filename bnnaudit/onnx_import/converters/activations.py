"""Functions of one operand, with settings or without: Abs to Tanh, the activations, Softmax and its kin, Clip, IsInf."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.own_operators import BEHIND_STEP
from bnnaudit.onnx_import.graph.torch_types import for_unsigned
from bnnaudit.onnx_import.operands import Number, call
from bnnaudit.quantization.surrogates import with_gradient_of


def clip(
    values: Tensor, *bounds: Tensor, low: Number | None, high: Number | None, computed: tuple[str, ...] = ()
) -> Tensor:
    """(...) between a lower and an upper bound -> (...); each may be missing, or computed; the upper one wins over the lower.

    computed: which of `low` and `high` come as tensors instead.
    """
    if not computed and values.is_floating_point():
        least, most = (-math.inf if low is None else low), (math.inf if high is None else high)
        if least <= most:
            # The same values and the same gradient as of `clamp`, whose backward pass takes fifteen times as long.
            return functional.hardtanh(values, least, most)
    given = dict(zip(computed, bounds, strict=True))
    if "low" in given:
        values = for_unsigned(torch.maximum)(values, given["low"])
    elif low is not None:
        values = torch.clamp(values, min=low)
    if "high" in given:
        return for_unsigned(torch.minimum)(values, given["high"])
    return values if high is None else torch.clamp(values, max=high)


def clip_behind_step(values: Tensor, low: Number, high: Number) -> Tensor:
    """(...) of a step that has these ends itself -> (...) clipped; the gradient is the step's, on the ends too."""
    return with_gradient_of(values, torch.clamp(values.detach(), low, high))


def leaky_by_slope(values: Tensor, slope: Tensor, by_channel: bool = False) -> Tensor:
    """max(x, 0) + slope min(x, 0), the slope broadcast to x, or (before version 7) one for each channel."""
    if by_channel and slope.numel() > 1:
        slope = slope.reshape(-1, *[1] * (values.dim() - 2))
    return torch.where(values < 0, slope * values, values)


def is_infinite(values: Tensor, detect_negative: bool, detect_positive: bool) -> Tensor:
    """(...) -> (...) of truth values: where values are infinite, of one sign or both."""
    below, above = torch.isneginf(values), torch.isposinf(values)
    nowhere = torch.zeros_like(below)
    return (below if detect_negative else nowhere) | (above if detect_positive else nowhere)


def over_axis(values: Tensor, op: str, axis: int, together: bool) -> Tensor:
    """One of `SOFTMAXES` (...) -> (...), over one axis, or (before version 13) over all from one on taken together."""
    if not together:
        return SOFTMAXES[op](values, axis)
    return SOFTMAXES[op](values.flatten(start_dim=axis), -1).reshape(values.shape)


def _hardmax(values: Tensor, axis: int) -> Tensor:
    """1 at the first of the greatest values, else 0."""
    places = values.argmax(axis, keepdim=True)
    shape = [1] * values.dim()
    shape[axis] = -1
    return (torch.arange(values.shape[axis], device=values.device).reshape(shape) == places).to(values.dtype)


def _shrink(values: Tensor, bias: float, lambd: float) -> Tensor:
    inner = torch.where(values > lambd, values - bias, torch.zeros_like(values)).to(values.dtype)
    return torch.where(values < -lambd, (values + bias).to(values.dtype), inner)


def _celu(values: Tensor, alpha: float) -> Tensor:
    """max(0, x) + min(0, alpha (exp(x / alpha) - 1))."""
    return functional.celu(values, alpha=alpha)


def _selu(values: Tensor, alpha: float, gamma: float) -> Tensor:
    """gamma x above 0, gamma alpha (exp(x) - 1) below."""
    return gamma * functional.elu(values, alpha=alpha)


def _hard_sigmoid(values: Tensor, alpha: float, beta: float) -> Tensor:
    return (alpha * values + beta).clamp(0, 1)


def _softplus(values: Tensor) -> Tensor:
    """log(1 + exp(x)), without overflow and to the last digit where x is large."""
    return torch.logaddexp(values, torch.zeros_like(values))


ANGLES = ("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cos", "Cosh", "Sin", "Sinh", "Tan", "Tanh")
PLAIN = ("Abs", "Erf", "Exp", "IsNaN", "Log", "Neg", "Reciprocal", "Relu", "Sigmoid", "Sqrt")

FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    **{op: getattr(torch, op.lower()) for op in (*ANGLES, *PLAIN)},
    "BitwiseNot": torch.bitwise_not,
    "Not": torch.logical_not,
    "Celu": _celu,
    "Elu": lambda x, alpha: functional.elu(x, alpha=alpha),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": functional.hardswish,
    "LeakyRelu": lambda x, alpha: functional.leaky_relu(x, alpha),
    "Mish": functional.mish,
    "Selu": _selu,
    "Shrink": _shrink,
    "Softplus": _softplus,
    "Softsign": functional.softsign,
    "Swish": lambda x, alpha: x * torch.sigmoid(alpha * x),
    "ThresholdedRelu": lambda x, alpha: functional.threshold(x, alpha, 0.0),
}

SETTINGS: dict[str, dict[str, float]] = {
    "Celu": {"alpha": 1.0},
    "Elu": {"alpha": 1.0},
    "HardSigmoid": {"alpha": 0.2, "beta": 0.5},
    "LeakyRelu": {"alpha": 0.01},
    "Selu": {"alpha": 1.67326319217681884765625, "gamma": 1.05070102214813232421875},
    "Shrink": {"bias": 0.0, "lambd": 0.5},
    "Swish": {"alpha": 1.0},
    "ThresholdedRelu": {"alpha": 1.0},
}

SOFTMAXES: dict[str, Callable[[Tensor, int], Tensor]] = {
    "Hardmax": _hardmax,
    "LogSoftmax": lambda x, axis: functional.log_softmax(x, dim=axis),
    "Softmax": lambda x, axis: functional.softmax(x, dim=axis),
}

FIRST_SELU = {"alpha": 1.6732, "gamma": 1.0507}
"""Defaults of version 1 that later versions changed."""


def activation(node: Node) -> Converted:
    """One of `FUNCTIONS` with its settings."""
    defaults = SETTINGS.get(node.op, {})
    if node.op == "Selu" and node.version < 6:
        defaults = FIRST_SELU
    return call(for_unsigned(FUNCTIONS[node.op]), node.inputs[:1], **node.settings(**defaults))


def clipping(node: Node) -> Converted:
    """Clip, whose bounds are attributes before version 11."""
    if node.version < 11:
        return _clipped(node, node.inputs[:1], node.attribute("min"), node.attribute("max"))
    fixed: dict[str, Number | None] = {"low": None, "high": None}
    computed: dict[str, str] = {}
    for position, side in ((1, "low"), (2, "high")):
        if node.is_constant(position):
            array = node.constant(position)
            # Numbers of types that NumPy lacks are floats here.
            fixed[side] = None if array is None else array.astype(int if array.dtype.kind in "iu" else float).item()
        elif node.has_input(position):
            computed[side] = node.inputs[position]
    return _clipped(node, (node.inputs[0], *computed.values()), **fixed, computed=tuple(computed))


def _clipped(node: Node, inputs: Sequence[str], low: Number | None, high: Number | None, **computed: Any) -> Converted:
    if node.flag(BEHIND_STEP) and not any(computed.values()):
        return call(clip_behind_step, inputs, low=low, high=high)
    return call(clip, inputs, low=low, high=high, **computed)


def softmax(node: Node) -> Converted:
    """Softmax, LogSoftmax, Hardmax."""
    together = node.version < 13
    axis = int(node.attribute("axis", 1 if together else -1))
    return call(over_axis, node.inputs, op=node.op, axis=axis, together=together)


def prelu(node: Node) -> Converted:
    """PRelu."""
    return call(leaky_by_slope, node.inputs, by_channel=node.version < 7)
