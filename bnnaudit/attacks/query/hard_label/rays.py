"""RayS ([Chen & Gu 2020]): of all sign vectors the one along which another class is nearest, found by flipping blocks of signs.

A flip is kept if the ray that it makes is in another class at the shortest distance known so far, which is one query; how far
that class reaches back along the ray is then found by bisection. Blocks go through the pixels in halves, quarters and so on.
Two things are done otherwise than in the paper, where the smallest distance is wanted: along a new ray the radius itself is
asked about first, since an image that is fooled there is done with, and bisection ends at a fraction of the distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import ImageState
from bnnaudit.attacks.query.hard_label.queries import Queries
from bnnaudit.numerics.norms import scale_each
from bnnaudit.numerics.randomness import uniform_block

RESOLUTION = 0.02
"""Of the distance, at which a bisection ends. Not tuned."""
BEFORE = -1.0
"""A lower end of a bisection that has not asked about the radius yet."""


@dataclass(slots=True)
class Rays(ImageState):
    """The state of M images, one query apart from the next.

    signs, tried (M, F): the best ray, and the one that is asked about. reach (M,): the shortest distance known to be in
    another class, the whole box where none is known yet. low, high (M,): the ends of the bisection along `tried`; searching
    (M,) bool: whether there is one. block (M,): the block whose flip is tried.
    """

    signs: Tensor
    tried: Tensor
    reach: Tensor
    low: Tensor
    high: Tensor
    searching: Tensor
    block: Tensor

    @classmethod
    def along(cls, signs: Tensor, width: float) -> Rays:
        """Nothing known but a first ray (M, F) of each image."""
        count, device = len(signs), signs.device
        whole = torch.full((count,), width, device=device)
        nobody = torch.zeros(count, dtype=torch.bool, device=device)
        # The first ray itself comes before block 0.
        before = torch.full((count,), -1, device=device)
        return cls(signs, signs, whole, torch.full_like(whole, BEFORE), whole, nobody, before)

    def at(self, radius: float) -> Tensor:
        """The distances (M,) to ask about."""
        middle = torch.where(self.low < radius, radius, (self.low + self.high) / 2)
        return torch.where(self.searching, middle, self.reach)

    def after(self, asked: Tensor, wrong: Tensor, blocks: Tensor) -> Rays:
        """The state once the points at distances asked (M,) are known to be wrong (M,) bool; blocks (K, 2) of pixels."""
        found = ~self.searching & wrong
        low = torch.where(found, BEFORE, torch.where(self.searching & ~wrong, asked, self.low))
        high = torch.where(found, self.reach, torch.where(self.searching & wrong, asked, self.high))
        narrow = self.searching & (high - low <= RESOLUTION * high)
        searching = found | (self.searching & ~narrow)
        signs = torch.where(found[:, None], self.tried, self.signs)
        reach = torch.where(narrow, high, self.reach)
        block = torch.where(searching, self.block, (self.block + 1) % len(blocks))
        tried = torch.where(searching[:, None], self.tried, _flipped(signs, blocks[block]))
        return Rays(signs, tried, reach, low, high, searching, block)


def blocks_of(features: int) -> Tensor:
    """(K, 2): first and last + 1 of every block of pixels, the whole, its halves, its quarters, down to single pixels."""
    blocks: list[tuple[int, int]] = []
    size = features
    while True:
        blocks += [(first, min(first + size, features)) for first in range(0, features, size)]
        if size == 1:
            return torch.tensor(blocks)
        size = -(-size // 2)


def _flipped(signs: Tensor, blocks: Tensor) -> Tensor:
    """(M, F) with the signs in each image's block (M, 2) turned round."""
    places = torch.arange(signs.shape[1], device=signs.device)
    inside = (places >= blocks[:, :1]) & (places < blocks[:, 1:])
    return torch.where(inside, -signs, signs)


def search(queries: Queries, restart: int) -> None:
    """One restart on the images that stand: upwards in every pixel in the first, random signs in the others."""
    threat, rows = queries.context.threat, queries.rows
    origins = queries.batch.images[rows]
    signs = _first_signs(queries, rows, restart)
    blocks = blocks_of(signs.shape[1]).to(origins.device)
    queries.ask(rows, origins + signs.view_as(origins) * threat.radius)
    rays = Rays.along(signs, threat.box.width)
    stay = queries.active(rows)
    while bool(stay.any()):
        rows, origins, rays = rows[stay], origins[stay], rays.kept(stay)
        asked = rays.at(threat.radius)
        wrong = queries.ask(rows, origins + scale_each(rays.tried.view_as(origins), asked))
        rays = rays.after(asked, wrong, blocks)
        stay = queries.active(rows)


def _first_signs(queries: Queries, rows: Tensor, restart: int) -> Tensor:
    flat = queries.batch.images[rows].flatten(1)
    if restart == 0:
        return torch.ones_like(flat)
    draws = uniform_block(queries.context.seed, queries.batch.ids[rows].tolist(), restart, 0, flat.shape[1:])
    return torch.where(draws.to(flat.device) < 0.5, -1.0, 1.0).to(flat.dtype)
