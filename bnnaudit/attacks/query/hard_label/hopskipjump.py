"""HopSkipJump ([Chen et al. 2020]): walks along the boundary of the true class towards the image.

Each hop estimates the boundary's normal from the classes of random points around the nearest known one, steps along it into the
other class, and comes back to the boundary on the straight line to the image. The start is the nearest image of another class
in the sample. The points lie further out than in the paper (a tenth of the distance instead of its F-th part for F
pixels), because the boundary of a network of steps is a staircase, of which a close look shows one stair; and the number of
points is a share of the budget.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.query.hard_label.queries import Queries
from bnnaudit.numerics.norms import flat_norm, scale_each, unit_direction_l2
from bnnaudit.numerics.randomness import normal_block, uniform_block

SPREAD = 0.1
"""Of the distance: how far from the boundary the points lie that tell its normal."""
RESOLUTION = 0.1
"""Of the spread by the square root of the pixels, at which a bisection ends: so far a point moves along the normal."""
SHARE = 20
"""The points of the first hop are one in so many of the queries, between the next two."""
FEWEST, MOST = 8, 100
BLIND = 10
"""Random images that are tried where the sample holds none of another class."""
HALVINGS = 8
"""Of a step that does not arrive in the other class."""


@dataclass(frozen=True, slots=True)
class Known:
    """Of M images: their places, themselves, and for each the nearest point known to be of another class (M, ...)."""

    rows: Tensor
    origins: Tensor
    points: Tensor

    @property
    def reach(self) -> Tensor:
        """The distances (M,) of the points."""
        return flat_norm(self.points - self.origins)

    def kept(self, stay: Tensor) -> Known:
        """The images that stay (M,) bool."""
        return Known(self.rows[stay], self.origins[stay], self.points[stay])


def walk(queries: Queries, restart: int) -> None:
    """One restart on the images that stand: from the nearest image of another class, the next nearest in the next restart."""
    known, hop = approached(queries, _started(queries, restart)), 1
    while True:
        count = points_of(queries, hop)
        known = known.kept(~queries.best.fooled[known.rows] & (queries.rest(known.rows) > count))
        if len(known.rows) == 0:
            return
        normals = _normals(queries, known, restart, hop, count)
        stay = queries.alive(known.rows)
        stepped = _stepped(queries, known.kept(stay), normals[stay], hop)
        known, hop = approached(queries, stepped), hop + 1


def points_of(queries: Queries, hop: int) -> int:
    """How many points tell the normal of a hop, counted from 1: more of them with its square root."""
    first = min(max(queries.settings.queries // SHARE, FEWEST), MOST)
    return int(first * hop**0.5)


def _started(queries: Queries, restart: int) -> Known:
    """The images for which a point of another class is found: an image of the sample, or one of a few random ones."""
    rows = queries.rows
    known = Known(rows, queries.batch.images[rows], _neighbours(queries, rows, restart))
    found = queries.ask(rows, known.points)
    box, shape = queries.context.threat.box, queries.batch.images.shape[1:]
    for draw in range(BLIND):
        lost = (~found & queries.alive(rows)).nonzero().squeeze(1)
        if len(lost) == 0:
            break
        noise = uniform_block(queries.context.seed, queries.ids(rows[lost]), restart, draw, shape)
        known.points[lost] = box.low + box.width * noise.to(known.points)
        found[lost] = queries.ask(rows[lost], known.points[lost])
    return known.kept(found)


def _neighbours(queries: Queries, rows: Tensor, restart: int) -> Tensor:
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
    there = foreign.any(dim=1).view(-1, *(1,) * (images.dim() - 1))
    return torch.where(there, others.images[chosen], images)


def _normals(queries: Queries, known: Known, restart: int, hop: int, count: int) -> Tensor:
    """Directions (M, ...) of unit length into the other class, from the classes of `count` points around each known one."""
    shape = known.origins.shape[1:]
    draws = normal_block(queries.context.seed, queries.ids(known.rows), restart, hop, (count, *shape)).to(known.points)
    lengths = SPREAD * known.reach[:, None] / torch.linalg.vector_norm(draws.flatten(2), dim=2)
    box = queries.context.threat.box
    around = known.points[:, None] + draws * lengths.view(*lengths.shape, *(1,) * len(shape))
    around = around.clamp(box.low, box.high)
    sides = queries.ask_many(known.rows, around).to(known.points) * 2 - 1
    middle = sides.mean(dim=1, keepdim=True)
    # Where all points are of one class, they say no more than which side the boundary is not on.
    weights = torch.where(middle.abs() == 1, sides, sides - middle)
    shifts = (around - known.points[:, None]).flatten(2)
    return unit_direction_l2((weights[:, None] @ shifts)[:, 0].view_as(known.points))


def _stepped(queries: Queries, known: Known, normals: Tensor, hop: int) -> Known:
    """The points moved along the normals, by less and less until they are in the other class; where none is, unmoved."""
    points, box = known.points.clone(), queries.context.threat.box
    lengths = known.reach / hop**0.5
    pending = torch.arange(len(known.rows), device=points.device)
    for _ in range(HALVINGS):
        pending = pending[queries.alive(known.rows[pending])]
        if len(pending) == 0:
            break
        moved = known.points[pending] + scale_each(normals[pending], lengths[pending])
        moved = moved.clamp(box.low, box.high)
        wrong = queries.ask(known.rows[pending], moved)
        points[pending[wrong]] = moved[wrong]
        pending = pending[~wrong]
        lengths = lengths / 2
    return Known(known.rows, known.origins, points)


def approached(queries: Queries, known: Known) -> Known:
    """The points moved towards their images as far as the other class reaches; the radius itself is asked about first."""
    directions, radius = unit_direction_l2(known.points - known.origins), queries.context.threat.radius
    low, high = torch.full_like(known.reach, radius), known.reach
    steps = math.ceil(math.log2(known.origins[0].numel() ** 0.5 / (RESOLUTION * SPREAD))) if len(known.rows) else 0
    for step in range(1 + steps):
        stay = queries.alive(known.rows)
        known, directions, low, high = known.kept(stay), directions[stay], low[stay], high[stay]
        asked = low if step == 0 else (low + high) / 2
        wrong = queries.ask(known.rows, known.origins + scale_each(directions, asked))
        low, high = torch.where(wrong, low, asked), torch.where(wrong, asked, high)
    return Known(known.rows, known.origins, known.origins + scale_each(directions, high))
