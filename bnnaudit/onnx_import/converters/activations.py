"""Activation functions with settings, in all their versions; those without any are in `functions`."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Converter, Node, elementwise
from bnnaudit.onnx_import.converters.unsigned import through_signed

# A number, and whole for tensors of whole numbers.
Number = int | float


class Clip(nn.Module):
    """Between a lower and an upper bound; each may be missing, or computed."""

    def __init__(self, low: Number | None, high: Number | None, computed: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.low = low
        self.high = high
        self.computed = computed

    def forward(self, values: Tensor, *bounds: Tensor) -> Tensor:
        """(...) -> (...); where the bounds cross, the upper one wins."""
        if not self.computed and values.is_floating_point():
            low, high = (-math.inf if self.low is None else self.low), (math.inf if self.high is None else self.high)
            if low <= high:
                # The same values and the same gradient as of `clamp`, whose way back takes fifteen times as long.
                return functional.hardtanh(values, low, high)
        given = dict(zip(self.computed, bounds, strict=True))
        if "low" in given:
            values = through_signed(torch.maximum)(values, given["low"])
        elif self.low is not None:
            values = torch.clamp(values, min=self.low)
        if "high" in given:
            return through_signed(torch.minimum)(values, given["high"])
        return values if self.high is None else torch.clamp(values, max=self.high)

    def extra_repr(self) -> str:
        """For people: the bounds."""
        return f"{self.low}, {self.high}"


class Activation(nn.Module):
    """One of `FUNCTIONS` with its settings."""

    def __init__(self, op: str, settings: dict[str, float]) -> None:
        super().__init__()
        self.op = op
        self.settings = settings

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        return FUNCTIONS[self.op](values, **self.settings)

    def extra_repr(self) -> str:
        """For people: the operator and its settings."""
        return ", ".join((self.op, *(f"{name}={value:g}" for name, value in self.settings.items())))


class PRelu(nn.Module):
    """max(x, 0) + slope min(x, 0), the slope broadcast to x, or (before version 7) one for each channel."""

    def __init__(self, by_channel: bool = False) -> None:
        super().__init__()
        self.by_channel = by_channel

    def forward(self, values: Tensor, slope: Tensor) -> Tensor:
        """values (...), slope broadcastable -> (...)."""
        if self.by_channel and slope.numel() > 1:
            slope = slope.reshape(-1, *[1] * (values.dim() - 2))
        return torch.where(values < 0, slope * values, values)


class Softmax(nn.Module):
    """Over one axis, or (before version 13) over all axes from one on taken together."""

    def __init__(self, op: str, axis: int, together: bool) -> None:
        super().__init__()
        self.op = op
        self.axis = axis
        self.together = together

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        if not self.together:
            return SOFTMAXES[self.op](values, self.axis)
        return SOFTMAXES[self.op](values.flatten(start_dim=self.axis), -1).reshape(values.shape)

    def extra_repr(self) -> str:
        """For people: the operator and its axis."""
        return f"{self.op}, axis={self.axis}"


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


FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "Celu": _celu,
    "Elu": lambda x, alpha: functional.elu(x, alpha=alpha),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": functional.hardswish,
    "LeakyRelu": lambda x, alpha: functional.leaky_relu(x, alpha),
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

# Defaults of version 1 that later versions changed.
FIRST_SELU = {"alpha": 1.6732, "gamma": 1.0507}


def _activation(node: Node) -> Converted:
    defaults = SETTINGS.get(node.op, {})
    if node.op == "Selu" and node.version < 6:
        defaults = FIRST_SELU
    settings = {name: float(node.attribute(name, default)) for name, default in defaults.items()}
    return Converted(Activation(node.op, settings), node.inputs[:1])


def _clip(node: Node) -> Converted:
    if node.version < 11:
        return Converted(Clip(node.attribute("min"), node.attribute("max")), node.inputs[:1])
    fixed: dict[str, Number | None] = {"low": None, "high": None}
    computed: dict[str, str] = {}
    for position, side in ((1, "low"), (2, "high")):
        if node.is_constant(position):
            array = node.constant(position)
            fixed[side] = None if array is None else array.astype(_plain(array.dtype.kind)).item()
        elif node.has_input(position):
            computed[side] = node.inputs[position]
    return Converted(Clip(fixed["low"], fixed["high"], tuple(computed)), (node.inputs[0], *computed.values()))


def _plain(kind: str) -> type[Number]:
    """The Python number for a NumPy kind; types that NumPy lacks are floats here."""
    return int if kind in "iu" else float


def _softmax(node: Node) -> Converted:
    together = node.version < 13
    axis = int(node.attribute("axis", 1 if together else -1))
    return Converted(Softmax(node.op, axis, together), node.inputs)


def _gelu(node: Node) -> Converted:
    return Converted(nn.GELU(approximate=str(node.attribute("approximate", "none"))), node.inputs)


CONVERTERS: dict[str, Converter] = {
    **dict.fromkeys(FUNCTIONS, _activation),
    **dict.fromkeys(SOFTMAXES, _softmax),
    "Clip": _clip,
    "Gelu": _gelu,
    "Mish": elementwise(nn.Mish),
    "PRelu": lambda node: Converted(PRelu(by_channel=node.version < 7), node.inputs),
}
