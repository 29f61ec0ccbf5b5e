"""The nearest point of a hyperplane inside a box: where a linearised decision boundary is closest to an image."""

from __future__ import annotations

import torch
from torch import Tensor

_TINY = 1e-300
"""Keeps a division by zero from being one; near the smallest normal double."""


def step_to_hyperplane_linf(points: Tensor, normals: Tensor, rises: Tensor, low: float, high: float) -> Tensor:
    """The step (M, ...) of smallest largest change that raises <normal, point> by `rises` (M,) inside the box [low, high].

    points, normals (M, ...), the points inside the box. Every coordinate moves uphill by a common length, or as far as the box
    lets it. A rise that the box does not allow gives the corner of the largest one; a rise of 0 or less, or a normal of zero,
    is no step. Source: the projections of FAB ([Croce & Hein 2020b], section 2.2).
    """
    slopes, needed = _scaled(normals, rises)
    return _step(points, slopes, slopes.sign().abs(), needed, low, high)


def step_to_hyperplane_l2(points: Tensor, normals: Tensor, rises: Tensor, low: float, high: float) -> Tensor:
    """Like `step_to_hyperplane_linf`, the step of smallest Euclidean length: coordinates move in proportion to the normal."""
    slopes, needed = _scaled(normals, rises)
    return _step(points, slopes, slopes.abs(), needed, low, high)


def _scaled(normals: Tensor, rises: Tensor) -> tuple[Tensor, Tensor]:
    """Normals (M, n) whose largest entry is 1, and the rises in the same units (M,), in double precision."""
    flat = normals.flatten(1).double()
    largest = flat.abs().amax(dim=1)
    scale = torch.where(largest > 0, 1 / largest.clamp_min(_TINY), 0.0)
    return flat * scale[:, None], rises.double().clamp_min(0) * scale


def _step(points: Tensor, slopes: Tensor, speeds: Tensor, needed: Tensor, low: float, high: float) -> Tensor:
    """Each coordinate moves uphill by min(t speed, room): the optimality conditions of both norms, with the t that suffices."""
    flat = points.flatten(1).double()
    room = torch.where(slopes > 0, high - flat, flat - low).clamp_min(0)
    stops = torch.where(speeds > 0, room / speeds.clamp_min(_TINY), 0.0)
    level = _level(slopes.abs() * speeds, stops, needed)
    lengths = torch.minimum(level[:, None] * speeds, room)
    return (slopes.sign() * lengths).to(points.dtype).view_as(points)


def _level(gains: Tensor, stops: Tensor, needed: Tensor) -> Tensor:
    """The smallest t (M,) with sum_i gains_i min(t, stops_i) >= needed (M,), else the last stop; gains, stops (M, n) >= 0.

    The sum is concave and piecewise linear in t, so sorting the stops gives t exactly.
    """
    stops, order = stops.sort(dim=1)
    gains = gains.gather(1, order)
    spent = (gains * stops).cumsum(dim=1)
    moving = gains.flip(1).cumsum(dim=1).flip(1)
    reached = spent + stops * (moving - gains)
    place = torch.searchsorted(reached.contiguous(), needed[:, None].contiguous()).clamp_max(stops.shape[1] - 1)
    before = (spent - gains * stops).gather(1, place).squeeze(1)
    rate = moving.gather(1, place).squeeze(1)
    level = torch.where(rate > 0, (needed - before).clamp_min(0) / rate.clamp_min(_TINY), 0.0)
    return torch.minimum(level, stops[:, -1])
