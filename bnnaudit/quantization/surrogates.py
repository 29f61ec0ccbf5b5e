"""Gradients that stand in for those of sign and round, which are zero almost everywhere.

Forward values are untouched to the bit; only the derivative is replaced, in reverse mode, forward mode and under
`torch.func` transforms, and the replacement can itself be differentiated.
"""

from __future__ import annotations

from typing import Any, assert_never

import torch
from torch import Tensor

from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit

# Grids of so many levels or fewer follow their steps.
FEW_LEVELS = 4
# cosh of more overflows in single precision.
MOST = 80.0


class _Reroute(torch.autograd.Function):
    """value, with d value / d z = slope, whatever produced the value."""

    generate_vmap_rule = True

    @staticmethod
    def forward(z: Tensor, value: Tensor, slope: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[2])
        ctx.save_for_forward(inputs[2])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (slope,) = ctx.saved_tensors
        return gradients[0] * slope, None, None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        (slope,) = ctx.saved_tensors
        tangent: Tensor = tangents[0] * slope
        return tangent


def sign_step(z: Tensor, value: Tensor, surrogate: Surrogate) -> Tensor:
    """`value`, any two- or three-level step of the pre-activation z with its threshold at 0, with the surrogate's gradient.

    z, value (N, ...) -> (N, ...). The surrogate is that of a step of height 2, as from -1 to +1.
    """
    if not torch.is_grad_enabled():
        return value
    rerouted: Tensor = _Reroute.apply(z, value.detach(), slope_of_sign(z, surrogate))
    return rerouted


def round_step(z: Tensor, value: Tensor) -> Tensor:
    """`value`, a rounding of z to a grid, with the straight-through gradient 1, whatever the surrogate.

    A rounding to many levels follows the identity closely; where it saturates, the clip beside it blocks the gradient.
    """
    if not torch.is_grad_enabled():
        return value
    rerouted: Tensor = _Reroute.apply(z, value.detach(), torch.ones_like(z))
    return rerouted


def grid_step(z: Tensor, value: Tensor, unclipped: Tensor, ends: tuple[float, float], surrogate: Surrogate) -> Tensor:
    """`value`, z rounded to a grid and clipped to its ends, with the surrogate's gradient.

    z, value, unclipped (...) -> (...); z in steps of the grid, unclipped: its point of the endless grid.
    """
    if not torch.is_grad_enabled():
        return value
    rerouted: Tensor = _Reroute.apply(z, value.detach(), slope_of_grid(z, unclipped, ends, surrogate))
    return rerouted


def slope_of_grid(z: Tensor, unclipped: Tensor, ends: tuple[float, float], surrogate: Surrogate) -> Tensor:
    """The surrogate derivative of rounding z (N, ...) to a grid: 1 where it is not clipped, else 0.

    On a grid of at most four levels all others but the identity take every step for a sign whose threshold is halfway between
    two levels: there the identity is a poor picture of the steps, and no gradient comes from beyond the ends.
    """
    if surrogate.kind is not SurrogateKind.IDENTITY and ends[1] - ends[0] < FEW_LEVELS:
        threshold = torch.floor(z.detach()).clamp(ends[0], ends[1] - 1) + 0.5
        return slope_of_sign(z - threshold, surrogate)
    return ((unclipped >= ends[0]) & (unclipped <= ends[1])).to(z.dtype)


def slope_of_sign(z: Tensor, surrogate: Surrogate, layer_scale: float | None = None) -> Tensor:
    """The surrogate derivative of sign at the pre-activations z (N, ...), a function of t = z / w that is 1 at t = 0.

    identity: 1. clipped: 1 inside |t| <= 1, else 0 ([Hubara et al. 2016] with w = 1). triangular: max(0, 1 - |t|) ([Liu et
    al. 2018], Bi-Real Net). polynomial: max(0, 1 - t^2), the derivative of a cubic. tanh: sech^2 t. arctan: 1 / (1 + t^2).
    w is the width in its unit; a layer whose scale was not measured (`layer_scale` None) goes by the image's own.
    """
    if surrogate.kind is SurrogateKind.IDENTITY:
        return torch.ones_like(z)
    width = _width(z, surrogate, layer_scale)
    distance = z.detach().abs() / width
    match surrogate.kind:
        case SurrogateKind.CLIPPED:
            return (distance <= 1).to(z.dtype)
        case SurrogateKind.TRIANGULAR:
            return (1 - distance).clamp_min(0)
        case SurrogateKind.POLYNOMIAL:
            return (1 - distance.square()).clamp_min(0)
        case SurrogateKind.TANH:
            return 1 / torch.cosh(distance.clamp_max(MOST)).square()
        case SurrogateKind.ARCTAN:
            return 1 / (1 + distance.clamp_max(1e15).square())
        case _:
            assert_never(surrogate.kind)


def _width(z: Tensor, surrogate: Surrogate, layer_scale: float | None) -> Tensor:
    """w in units of z, broadcastable to z (N, ...); never zero."""
    tiny = torch.finfo(z.dtype).tiny
    if surrogate.unit is WidthUnit.ABSOLUTE:
        return z.new_tensor(surrogate.width)
    if surrogate.unit is WidthUnit.LAYER and layer_scale is not None:
        return z.new_tensor(surrogate.width * layer_scale).clamp_min(tiny)
    scale = z.detach().abs().mean(dim=tuple(range(1, z.dim())), keepdim=True)
    return (surrogate.width * scale).clamp_min(tiny)
