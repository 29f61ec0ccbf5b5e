"""Where an attack may go: its start, its direction, and the way back into ball and box."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.core.batch import Batch
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics import norms
from bnnaudit.numerics.pixel_grid import PixelGrid
from bnnaudit.numerics.randomness import ball_noise, uniform_noise


def random_start(batch: Batch, threat: Threat, seed: int, restart: int) -> Tensor:
    """A point drawn uniformly from the ball around each image, clipped to the box (N, ...).

    Where only grid values count it is the grid value nearest to that point, as far as the L-inf ball holds it: rounded
    towards the original, every start in a ball of one grid unit would be the original itself.
    """
    ids, shape = batch.ids.tolist(), batch.images.shape[1:]
    noise = (
        uniform_noise(seed, ids, restart, shape) if threat.norm is Norm.LINF else ball_noise(seed, ids, restart, shape)
    )
    start = project(batch.images + noise.to(batch.images.device) * threat.radius, batch.images, threat)
    grid = pixel_grid(threat)
    if grid is not None and threat.norm is Norm.LINF and threat.image_bits is not None:
        start = project(grid.nearest(start), batch.images, threat)
    return as_stored(start, batch.images, threat)


def pixel_grid(threat: Threat) -> PixelGrid | None:
    """The values that a changed pixel may have, None where it may have any."""
    box, bits, given = threat.box, threat.image_bits, threat.grid
    if given is not None and (bits is None or 2**bits >= given.values):
        return PixelGrid(box.low, box.high, given.first, given.last, given.steps)
    return None if bits is None else PixelGrid.of_bits(box.low, box.high, bits)


def as_stored(points: Tensor, origins: Tensor, threat: Threat) -> Tensor:
    """The images on the grid that count in place of points (M, ...) of ball and box; on the grid itself they are the same.

    For a network of whole numbers those are the images nearest to the points that the ball holds, since it rounds to the
    nearest itself; for images of so many bits, the points rounded towards the originals.
    """
    grid = pixel_grid(threat)
    if grid is None:
        return points
    if not _is_the_networks(grid, threat):
        return grid.towards(points, origins)
    if threat.norm is Norm.LINF:
        return grid.nearest_linf(points, origins, threat.radius)
    return grid.nearest_l2(points, origins, threat.radius)


def as_seen(points: Tensor, origins: Tensor, threat: Threat) -> Tensor:
    """`as_stored` for points (M, ...) that may lie outside the ball: these are rounded without regard to it."""
    grid = pixel_grid(threat)
    if grid is None or not _is_the_networks(grid, threat):
        return as_stored(points, origins, threat)
    inside = norms.per_image(lengths_of(points - origins, threat) <= threat.radius, points)
    return torch.where(inside, as_stored(points, origins, threat), grid.nearest(points))


def _is_the_networks(grid: PixelGrid, threat: Threat) -> bool:
    """Whether a grid is that of the network's input, and not a coarser one of images."""
    return threat.grid is not None and grid.steps == threat.grid.steps


def grid_step(points: Tensor, gradients: Tensor, origins: Tensor, step_size: float, threat: Threat) -> Tensor:
    """From pixels on the grid to others that are whole units away, about as far as `step_size`, inside ball and box.

    L-inf moves every pixel with the sign of its gradient. L2 moves those of the largest gradients that the ball has room for.
    """
    grid = pixel_grid(threat)
    assert grid is not None
    length = step_size if threat.norm is Norm.LINF else step_size / points[0].numel() ** 0.5
    step = gradients.sign() * (grid.unit * max(1, round(length / grid.unit)))
    if threat.norm is Norm.L2:
        step = (points + step).clamp(grid.low, grid.high) - points
        step = step * _with_room(step, points - origins, gradients, threat).view_as(step)
    return project(points + step, origins, threat)


def _with_room(step: Tensor, shift: Tensor, gradients: Tensor, threat: Threat) -> Tensor:
    """Bool for each number of steps (M, ...): the largest gradients whose steps together keep a shift (M, ...) in the L2 ball."""
    step, shift, gradients = (_balls(values, threat).flatten(1) for values in (step, shift, gradients))
    before = shift.square()
    added = (shift + step).square() - before
    order = gradients.abs().argsort(dim=-1, descending=True, stable=True)
    total = added.gather(-1, order).cumsum(dim=-1).cummax(dim=-1).values
    fits = total <= threat.radius**2 - before.sum(dim=-1, keepdim=True)
    return torch.zeros_like(fits).scatter(-1, order, fits)


def ascent_direction(gradients: Tensor, threat: Threat) -> Tensor:
    """The direction of steepest ascent of unit length in the threat's norm (M, ...)."""
    if threat.norm is Norm.LINF:
        return gradients.sign()
    return norms.unit_direction_l2(_balls(gradients, threat)).view_as(gradients)


def project(points: Tensor, origins: Tensor, threat: Threat) -> Tensor:
    """Back into the ball around the originals and into the box (M, ...)."""
    low, high = threat.box.low, threat.box.high
    if threat.norm is Norm.LINF:
        return norms.project_linf(points, origins, threat.radius, low, high)
    balls = _balls(points, threat), _balls(origins, threat)
    return norms.project_l2(*balls, threat.radius, low, high).view_as(points)


def lengths_of(shifts: Tensor, threat: Threat) -> Tensor:
    """Each perturbation's length (M, ...) as the threat limits it (M,), the longest channel's where each has its own ball."""
    if threat.norm is Norm.L2 and threat.l2_per_channel and shifts.dim() > 2:
        return norms.flat_norm(_balls(shifts, threat)).view(shifts.shape[:2]).amax(dim=1)
    return whole_lengths(shifts, threat.norm)


def whole_lengths(shifts: Tensor, norm: Norm) -> Tensor:
    """The length of each perturbation (M, ...) of a whole image (M,)."""
    return shifts.flatten(1).abs().amax(dim=1) if norm is Norm.LINF else norms.flat_norm(shifts)


def _balls(values: Tensor, threat: Threat) -> Tensor:
    """Images (M, ...), or their channels (M C, ...) where each of these has an L2 ball of its own."""
    return values.flatten(0, 1) if threat.l2_per_channel and values.dim() > 2 else values
