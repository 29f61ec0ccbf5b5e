"""Gradients that stand in for those of sign and round, which are zero almost everywhere.

Forward values are untouched to the bit; only the derivative is replaced, in reverse mode, forward mode and under
`torch.func` transforms, and the replacement can itself be differentiated.
"""

from __future__ import annotations

from typing import Any, assert_never

import torch
from torch import Tensor

from bnnaudit.core.attack import Surrogate, SurrogateKind

# Grids of so many levels or fewer follow their steps.
FEW_LEVELS = 4


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

    On a grid of at most four levels `clipped` and `adaptive` take every step for a sign whose threshold is halfway between
    two levels: there the identity is a poor picture of the steps, and no gradient comes from beyond the ends.
    """
    if surrogate.kind is not SurrogateKind.IDENTITY and ends[1] - ends[0] < FEW_LEVELS:
        threshold = torch.floor(z.detach()).clamp(ends[0], ends[1] - 1) + 0.5
        return slope_of_sign(z - threshold, surrogate)
    return ((unclipped >= ends[0]) & (unclipped <= ends[1])).to(z.dtype)


def slope_of_sign(z: Tensor, surrogate: Surrogate) -> Tensor:
    """The surrogate derivative of sign at the pre-activations z (N, ...).

    identity: 1. clipped: 1 inside |z| <= width, else 0 ([Hubara et al. 2016] with width 1). adaptive: a triangle
    max(0, 1 - |z| / w), w = width times the image's own mean |z| in this layer, so that no result depends on the batch.
    """
    match surrogate.kind:
        case SurrogateKind.IDENTITY:
            return torch.ones_like(z)
        case SurrogateKind.CLIPPED:
            return (z.abs() <= surrogate.width).to(z.dtype)
        case SurrogateKind.ADAPTIVE:
            distance = z.detach().abs()
            scale = distance.mean(dim=tuple(range(1, z.dim())), keepdim=True)
            return (1 - distance / (surrogate.width * scale).clamp_min(torch.finfo(z.dtype).tiny)).clamp_min(0)
        case _:
            assert_never(surrogate.kind)
