"""Gradients that stand in for those of sign and round, which are zero almost everywhere.

Forward values are untouched to the bit; only the derivative is replaced, in reverse mode, forward mode and under
`torch.func` transforms. The replacement is the derivative of a smooth or kinked curve, and differentiates as such: where
the shape has a slope of its own, so has the gradient (a triangle's is -sign(z)/w inside). The width is a constant, even
where it was measured on z.

A `Relaxation` alone replaces the step itself, by tanh(z/w); steps have one in a relaxed network only (see `relaxed`).
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, assert_never

import numpy as np
import torch
from torch import Tensor

from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit
from bnnaudit.quantization.scales import next_scale
from bnnaudit.quantization.step_hooks import tell

FEW_LEVELS = 4
"""Grids of so many levels or fewer follow their steps: 2 bits. Finer ones are so close to a line that the identity serves
better (PGD on digits networks of 2, 3 and 4 bits: following wins, draws and loses)."""


@dataclass(frozen=True, slots=True)
class Relaxation(Surrogate):
    """A smooth step of this width in place of the step itself, whether gradients are enabled or not."""


class _Rerouted(torch.autograd.Function):
    """value, with d value / d z = the shape's slope at z, whatever produced the value."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, value: Tensor, width: Tensor, kind: SurrogateKind) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, SurrogateKind], output: Tensor) -> None:
        z, _, width, ctx.kind = inputs
        ctx.slope = None
        ctx.save_for_backward(z, width)
        ctx.save_for_forward(z, width)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        if ctx.kind is SurrogateKind.IDENTITY:
            return gradients[0], None, None, None
        if torch.is_grad_enabled():
            return gradients[0] * _slope(ctx), None, None, None
        # A Jacobian comes back once for every class: only the first time pays for the slope.
        if ctx.slope is None:
            ctx.slope = _slope(ctx)
        return gradients[0] * ctx.slope, None, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        return tangents[0] * _slope(ctx)


class _Clipped(torch.autograd.Function):
    """The same for the clipped surrogate of a fixed width, whose slope is 1 or 0: the backward pass is one operation."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, value: Tensor, width: float) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, float], output: Tensor) -> None:
        z, _, width = inputs
        ctx.outside = _next_above(width, z.dtype)
        ctx.save_for_backward(z)
        ctx.save_for_forward(z)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return _inside(ctx, gradients[0]), None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        return _inside(ctx, tangents[0])


def _inside(ctx: Any, gradient: Tensor) -> Tensor:
    """The gradient (...) where |z| is at most the width."""
    (z,) = ctx.saved_tensors
    passed: Tensor = torch.ops.aten.hardtanh_backward(gradient, z, -ctx.outside, ctx.outside)
    return passed


@lru_cache(maxsize=256)
def _next_above(width: float, dtype: torch.dtype) -> float:
    """The first number of a type after a width, both as the type has them; short floats are compared in single precision."""
    kind = np.float64 if dtype is torch.float64 else np.float32
    short = dtype in (torch.float16, torch.bfloat16)
    near = float(torch.tensor(width, dtype=dtype)) if short else width
    return float(np.nextafter(kind(near), kind(np.inf)))


# Torch asks for it at every call, and computing it again takes longer than the step itself in a small network.
_Clipped.forward.__signature__ = inspect.signature(_Clipped.forward)  # type: ignore[attr-defined]
_Rerouted.forward.__signature__ = inspect.signature(_Rerouted.forward)  # type: ignore[attr-defined]


def _slope(ctx: Any) -> Tensor:
    z, width = ctx.saved_tensors
    return slope_of_sign(z, width, ctx.kind)


def sign_step(z: Tensor, value: Tensor, surrogate: Surrogate) -> Tensor:
    """`value`, any two- or three-level step of the pre-activation z with its threshold at 0, with the surrogate's gradient.

    z, value (N, ...) -> (N, ...). The surrogate is that of a step of height 2, as from -1 to +1. A relaxation: tanh(z/w).
    """
    relaxed = isinstance(surrogate, Relaxation)
    if not (relaxed or torch.is_grad_enabled()):
        return value
    scale = next_scale()
    if surrogate.kind is SurrogateKind.CLIPPED and surrogate.unit is WidthUnit.ABSOLUTE and not relaxed:
        stepped: Tensor = _Clipped.apply(z, value.detach(), surrogate.width)
    else:
        width = width_of(z, surrogate, scale)
        stepped = torch.tanh(z / width) if relaxed else _rerouted(z, value, width, surrogate.kind)
    tell(z, stepped, scaled=True)
    return stepped


def between_levels(step: Tensor, value: Tensor, levels: tuple[float, float], surrogate: Surrogate) -> Tensor:
    """`value`, of two levels, for `step` (...) of -1 and +1 from `sign_step`, with its gradient times half their distance."""
    low, high = levels
    if isinstance(surrogate, Relaxation):
        return step * ((high - low) / 2) + (high + low) / 2
    return round_step(step * ((high - low) / 2), value)


def round_step(z: Tensor, value: Tensor) -> Tensor:
    """`value`, a rounding of z to a grid, with the straight-through gradient 1, whatever the surrogate.

    A rounding to many levels follows the identity closely; where it saturates, the clip beside it blocks the gradient.
    """
    if not torch.is_grad_enabled():
        return value
    stepped = _rerouted(z, value, _number(0.0, z), SurrogateKind.IDENTITY)
    tell(z, stepped, scaled=False)
    return stepped


def with_gradient_of(z: Tensor, value: Tensor) -> Tensor:
    """`value` (...) with the gradient of z (broadcastable to it), for arithmetic around a step."""
    if not torch.is_grad_enabled():
        return value
    return _rerouted(z.to(value.dtype).expand_as(value), value, _number(0.0, value), SurrogateKind.IDENTITY)


def grid_step(z: Tensor, value: Tensor, unclipped: Tensor, ends: tuple[float, float], surrogate: Surrogate) -> Tensor:
    """`value`, z rounded to a grid and clipped to its ends, with the surrogate's gradient.

    z, value, unclipped (...) -> (...); z in steps of the grid, unclipped: its point of the endless grid. The rule: a grid
    of many levels, and any grid under the identity, passes the gradient 1 inside its ends and 0 outside. On a grid of at most
    `FEW_LEVELS` levels the other shapes take every step for a sign whose threshold is halfway between two levels; their
    width is then in steps of the grid, or in the unit that was measured, and beyond the ends it goes by the distance to the
    outermost step. A relaxation makes a smooth stair of a grid of few levels, and leaves others as they are.
    """
    few = ends[1] - ends[0] < FEW_LEVELS
    relaxed = few and isinstance(surrogate, Relaxation)
    if not (relaxed or torch.is_grad_enabled()):
        return value
    scale = next_scale() if few else None
    if few and surrogate.kind is not SurrogateKind.IDENTITY:
        threshold = torch.floor(z.detach()).clamp(ends[0], ends[1] - 1) + 0.5
        width = surrogate.width if scale is None else max(surrogate.width * scale, torch.finfo(z.dtype).tiny)
        stepped = (
            _stairs(z, ends, width) if relaxed else _rerouted(z - threshold, value, _number(width, z), surrogate.kind)
        )
    else:
        inside = ((unclipped >= ends[0]) & (unclipped <= ends[1])).to(z.dtype)
        stepped = _rerouted(z * inside, value, _number(0.0, z), SurrogateKind.IDENTITY)
    tell(z, stepped, scaled=few)
    return stepped


def _stairs(z: Tensor, ends: tuple[float, float], width: float) -> Tensor:
    """A smooth stair (...) from one end of the grid to the other: half a tanh for every step."""
    thresholds = [ends[0] + index + 0.5 for index in range(round(ends[1] - ends[0]))]
    rises = [torch.tanh((z - threshold) / width) for threshold in thresholds]
    return torch.stack(rises).sum(dim=0) / 2 + (ends[0] + ends[1]) / 2


def _rerouted(z: Tensor, value: Tensor, width: Tensor, kind: SurrogateKind) -> Tensor:
    stepped: Tensor = _Rerouted.apply(z, value.detach(), width, kind)
    return stepped


def binary_sign(z: Tensor, threshold: float = 0.0, strict: bool = False) -> Tensor:
    """+1 where z (...) is at least `threshold` (above it with `strict`), else -1; NaN counts as below. No gradient."""
    if torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export():
        # What others read back as one step.
        above = z > threshold if strict else z >= threshold
        return torch.where(above, 1.0, -1.0).to(z.dtype)
    # Several times faster than torch.where with two numbers. A comparison in place would be faster still, but what records
    # operators would see its input as its result.
    values = z.detach()
    return (values > threshold if strict else values >= threshold).to(z.dtype).mul_(2).sub_(1)


def slope_of_sign(z: Tensor, width: Tensor, kind: SurrogateKind) -> Tensor:
    """The surrogate derivative of sign at the pre-activations z (N, ...), a function of t = z / width that is 1 at t = 0.

    identity: 1. clipped: 1 inside |t| <= 1, else 0 ([Hubara et al. 2016] with width 1). triangular: max(0, 1 - |t|) ([Liu
    et al. 2018], Bi-Real Net). polynomial: max(0, 1 - t^2), the derivative of a cubic. tanh: sech^2 t. arctan: 1 / (1 + t^2).
    width: positive, broadcastable to z.
    """
    # In place wherever autograd allows it: this runs over every activation in every step of every attack.
    match kind:
        case SurrogateKind.IDENTITY:
            return torch.ones_like(z)
        case SurrogateKind.CLIPPED:
            return (z.abs() <= width).to(z.dtype)
        case SurrogateKind.TRIANGULAR:
            return z.abs().mul_(-1 / width).add_(1).relu_()
        case SurrogateKind.POLYNOMIAL:
            t = z / width
            return (t * t).neg_().add_(1).relu_()
        case SurrogateKind.TANH | SurrogateKind.RELAXED:
            # 4 s (1 - s) with s <= 1/2 neither overflows nor loses its tail, as 1 / cosh^2 and 1 - tanh^2 do.
            s = z.abs().mul_(-2 / width).sigmoid_()
            return torch.addcmul(s, s, s, value=-1).mul_(4)
        case SurrogateKind.ARCTAN:
            t = z / width
            return (t * t).add_(1).reciprocal_()
        case _:
            assert_never(kind)


def width_of(z: Tensor, surrogate: Surrogate, scale: float | None = None) -> Tensor:
    """The surrogate's width in units of z, broadcastable to z (N, ...); a constant, and never zero.

    scale: the layer's, where the width's unit was measured; without it such a width goes by the image.
    """
    if surrogate.unit is WidthUnit.ABSOLUTE or surrogate.kind is SurrogateKind.IDENTITY:
        return _number(surrogate.width, z)
    tiny = torch.finfo(z.dtype).tiny
    if surrogate.unit.measured and scale is not None:
        return _number(max(surrogate.width * scale, tiny), z)
    own = z.detach().abs().mean(dim=tuple(range(1, z.dim())), keepdim=True)
    return (surrogate.width * own).clamp_min(tiny)


def _number(value: float, like: Tensor) -> Tensor:
    """A number on the CPU, where it takes part in arithmetic on any device without a copy."""
    return torch.tensor(value, dtype=like.dtype)
