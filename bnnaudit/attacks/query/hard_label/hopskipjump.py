"""HopSkipJump ([Chen et al. 2020]): walks along the boundary of the true class towards the image.

Each iteration estimates the boundary's normal from the classes of random points around the nearest known one, steps along it
into the other class, and comes back to the boundary on the straight line to the image. The start is the nearest image of
another class in the sample. The points lie further out than in the paper (a tenth of the distance instead of its F-th part for F
pixels), because the boundary of a network of steps is a staircase, of which a close look shows one stair; and the number of
points is a share of the budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import ImageState
from bnnaudit.attacks.query.hard_label.queries import Queries
from bnnaudit.numerics.norms import flat_norm, per_image, scale_each, unit_direction_l2
from bnnaudit.numerics.randomness import normal_block, uniform_block

SPREAD = 0.1
"""Of the distance: how far from the boundary the points lie from which its normal is estimated. Not tuned."""
RESOLUTION = 0.1
"""Of the spread by the square root of the pixels, at which a bisection ends: so far a point moves along the normal. Not tuned."""
SHARE = 20
"""The points of the first iteration are one in so many of the queries, between the next two. Not tuned."""
FEWEST, MOST = 8, 100
"""Points of the first iteration; the paper has 100. The fewest are not tuned."""
BLIND = 10
"""Random images that are tried where the sample holds none of another class. Not tuned."""
HALVINGS = 8
"""Of a step that does not end in the other class. Not tuned."""


@dataclass(slots=True)
class Misclassified(ImageState):
    """Of M images: their places, themselves, and for each the nearest point known to be of another class (M, ...)."""

    rows: Tensor
    origins: Tensor
    points: Tensor

    @property
    def reach(self) -> Tensor:
        """The distances (M,) of the points."""
        return flat_norm(self.points - self.origins)


def search(queries: Queries, restart: int) -> None:
    """One restart on the images that stand: from the nearest image of another class, the next nearest in the next restart."""
    state, iteration = binary_searched(queries, _initial_points(queries, restart)), 1
    first = min(max(queries.settings.queries // SHARE, FEWEST), MOST)
    while True:
        # Points to estimate the normals from.
        count = int(first * iteration**0.5)
        state = state.kept(
            ~queries.best.fooled[state.rows] & (queries.asked[state.rows] + count < queries.settings.queries)
        )
        if len(state.rows) == 0:
            return
        normals = _normals(queries, state, restart, iteration, count)
        stay = queries.active(state.rows)
        stepped = _stepped_along_normals(queries, state.kept(stay), normals[stay], iteration)
        state, iteration = binary_searched(queries, stepped), iteration + 1


def _initial_points(queries: Queries, restart: int) -> Misclassified:
    """The images for which a point of another class is found: an image of the sample, or one of a few random ones."""
    rows = queries.rows
    state = Misclassified(rows, queries.batch.images[rows], _nearest_of_other_classes(queries, rows, restart))
    found = queries.ask(rows, state.points)
    box, shape = queries.context.threat.box, queries.batch.images.shape[1:]
    for draw in range(BLIND):
        lost = (~found & queries.active(rows)).nonzero().squeeze(1)
        if len(lost) == 0:
            break
        noise = uniform_block(queries.context.seed, queries.batch.ids[rows[lost]].tolist(), restart, draw, shape)
        state.points[lost] = box.low + box.width * noise.to(state.points)
        found[lost] = queries.ask(rows[lost], state.points[lost])
    return state.kept(found)


def _nearest_of_other_classes(queries: Queries, rows: Tensor, restart: int) -> Tensor:
    """For each image (M,) the one of another class in the sample that is nearest, or the next ones in later restarts.

    The image itself where there is none.
    """
    others, images = queries.context.calibration, queries.batch.images[rows]
    if len(others) == 0:
        return images.clone()
    distances = torch.cdist(images.flatten(1), others.images.flatten(1))
    foreign = others.labels[None, :] != queries.batch.labels[rows][:, None]
    order = torch.where(foreign, distances, float("inf")).argsort(dim=1, stable=True)
    place = restart % foreign.sum(dim=1).clamp_min(1)
    chosen = order.gather(1, place[:, None])[:, 0]
    there = per_image(foreign.any(dim=1), images)
    return torch.where(there, others.images[chosen], images)


def _normals(queries: Queries, state: Misclassified, restart: int, iteration: int, count: int) -> Tensor:
    """Directions (M, ...) of unit length into the other class, from the classes of `count` points around each nearest one."""
    shape = state.origins.shape[1:]
    ids = queries.batch.ids[state.rows].tolist()
    draws = normal_block(queries.context.seed, ids, restart, iteration, (count, *shape)).to(state.points)
    lengths = SPREAD * state.reach[:, None] / torch.linalg.vector_norm(draws.flatten(2), dim=2)
    box = queries.context.threat.box
    around = state.points[:, None] + draws * lengths.view(*lengths.shape, *(1,) * len(shape))
    around = around.clamp(box.low, box.high)
    sides = queries.ask_many(state.rows, around).to(state.points) * 2 - 1
    middle = sides.mean(dim=1, keepdim=True)
    # Where all points are of one class, they say no more than which side the boundary is not on.
    weights = torch.where(middle.abs() == 1, sides, sides - middle)
    shifts = (around - state.points[:, None]).flatten(2)
    return unit_direction_l2((weights[:, None] @ shifts)[:, 0].view_as(state.points))


def _stepped_along_normals(queries: Queries, state: Misclassified, normals: Tensor, iteration: int) -> Misclassified:
    """The points moved along the normals, by less and less until they are in the other class; where none is, unmoved."""
    points, box = state.points.clone(), queries.context.threat.box
    lengths = state.reach / iteration**0.5
    pending = torch.arange(len(state.rows), device=points.device)
    for _ in range(HALVINGS):
        pending = pending[queries.active(state.rows[pending])]
        if len(pending) == 0:
            break
        moved = state.points[pending] + scale_each(normals[pending], lengths[pending])
        moved = moved.clamp(box.low, box.high)
        wrong = queries.ask(state.rows[pending], moved)
        points[pending[wrong]] = moved[wrong]
        pending = pending[~wrong]
        lengths = lengths / 2
    return Misclassified(state.rows, state.origins, points)


def binary_searched(queries: Queries, state: Misclassified) -> Misclassified:
    """The points moved towards their images as far as the other class reaches; the radius itself is asked about first."""
    directions, radius = unit_direction_l2(state.points - state.origins), queries.context.threat.radius
    low, high = torch.full_like(state.reach, radius), state.reach
    steps = math.ceil(math.log2(state.origins[0].numel() ** 0.5 / (RESOLUTION * SPREAD))) if len(state.rows) else 0
    for step in range(1 + steps):
        stay = queries.active(state.rows)
        state, directions, low, high = state.kept(stay), directions[stay], low[stay], high[stay]
        asked = low if step == 0 else (low + high) / 2
        wrong = queries.ask(state.rows, state.origins + scale_each(directions, asked))
        low, high = torch.where(wrong, low, asked), torch.where(wrong, asked, high)
    return Misclassified(state.rows, state.origins, state.origins + scale_each(directions, high))
