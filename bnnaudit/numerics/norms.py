"""Balls, boxes and steps: the geometry of a perturbation.

Points are (N, ...) tensors in the range that the network takes; radii and step lengths are in the same units.
"""

from __future__ import annotations

import torch
from torch import Tensor


def flat_norm(values: Tensor) -> Tensor:
    """Euclidean norm of each image: (N, ...) -> (N,)."""
    norms: Tensor = torch.linalg.vector_norm(values.flatten(1), dim=1)
    return norms


def per_image(values: Tensor, images: Tensor) -> Tensor:
    """A value for each image, as it broadcasts over images (N, ...): (N,) -> (N, 1, ...)."""
    return values.view(-1, *(1,) * (images.dim() - 1))


def scale_each(values: Tensor, factors: Tensor) -> Tensor:
    """Each image times its own factor: (N, ...), (N,) -> (N, ...)."""
    return values * per_image(factors, values)


def project_linf(points: Tensor, origins: Tensor, radius: float, low: float, high: float) -> Tensor:
    """The nearest points of the L-inf ball around `origins` inside the box [low, high]."""
    return points.clamp(*linf_bounds(origins, radius, low, high))


def linf_bounds(origins: Tensor, radius: float, low: float, high: float) -> tuple[Tensor, Tensor]:
    """The least and the largest value of each pixel in the L-inf ball around `origins` and in the box [low, high]."""
    return (origins - radius).clamp_(low, high), (origins + radius).clamp_(low, high)


def project_l2(points: Tensor, origins: Tensor, radius: float, low: float, high: float) -> Tensor:
    """Points scaled back to the L2 ball of the whole image around `origins`, then clipped to the box [low, high].

    Clipping to a box that holds the origin only shortens the perturbation, so the result is inside both.
    """
    shift = points - origins
    lengths = flat_norm(shift)
    shrink = torch.where(lengths > radius, radius / lengths.clamp_min(torch.finfo(lengths.dtype).tiny), 1.0)
    return (origins + scale_each(shift, shrink)).clamp(low, high)


def finite_gradients(gradients: Tensor) -> Tensor:
    """Gradients (...) with zero in place of NaN, as where the chain rule multiplies infinity by zero."""
    return gradients.nan_to_num(nan=0.0)


def unit_direction_l2(gradients: Tensor) -> Tensor:
    """Each image's gradient at unit Euclidean length; zero where the gradient is zero. Safe for denormal gradients."""
    largest = gradients.flatten(1).abs().amax(dim=1)
    safe = torch.where(largest > 0, largest, 1.0)
    scaled = gradients / per_image(safe, gradients)
    lengths = flat_norm(scaled)
    return scale_each(scaled, torch.where(lengths > 0, 1 / lengths.clamp_min(1e-30), 0.0))


def unit_mean(gradients: Tensor) -> Tensor:
    """Each image's gradient scaled to mean |value| 1; zero where the gradient is zero. Safe for denormal gradients."""
    direction = unit_direction_l2(gradients)
    sizes = direction.flatten(1).abs().mean(dim=1)
    return scale_each(direction, torch.where(sizes > 0, 1 / sizes.clamp_min(1e-30), 0.0))
