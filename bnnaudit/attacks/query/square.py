"""Square Attack ([Andriushchenko et al. 2020]): a random search whose steps fill a square of the image, smaller with time.

Where the paper's images are square, a window has the height and the width of its schedule. Elsewhere a window has the same
area as far as the image allows: an input of one row, or a vector (N, features), is searched in stretches.

It runs on the network's own values: where nothing is differentiated, quantizers leave their surrogates out. A point of the
same margin is taken too, where the paper wants a smaller one: the steps of a quantized network make plateaus, on which a
search that insists on progress stands still (digits-bnn-waq at L-inf 0.05, 500 queries: 62 % left against 50 %).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar, lower
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored
from bnnaudit.attacks.rounds import Round, rounds_of
from bnnaudit.core.attack import Square
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics.losses import margin
from bnnaudit.numerics.norms import flat_norm, per_image, scale_each
from bnnaudit.numerics.randomness import uniform_block

FIRST_SHARE = 0.8
"""p of the paper: the share of the image's pixels that the first windows cover."""
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Queries of 10,000 after which the share is halved; fewer queries run through the same schedule in proportion."""
TILES = 5
"""Tiles along each side in the start of an L2 search, as in the paper's code."""
BLOCK = 128
"""Queries whose random numbers are drawn at a time. Not tuned."""
TINY = 1e-12
"""Below it a length counts as zero. Not tuned."""


def attack(settings: Square, context: Context, batch: Batch) -> Outcome:
    """Asks about `settings.queries` points for each of N images, in each restart; fooled images leave.

    The start is the first query. `fooled_at` counts the queries before the success. The image of the smallest margin is
    returned. The batch and the target are left as they were.
    """
    linf, threat = context.threat.norm is Norm.LINF, context.threat
    squares: LinfSquares | L2Squares = LinfSquares(threat) if linf else L2Squares(threat)
    best, forwards = BestSoFar.blank(batch), 0
    for each in rounds_of(settings, context, batch, best, None, settings.queries):
        forwards += _restart(settings, context, each, squares, best)
    return best.outcome(Cost(forwards=forwards))


def _restart(settings: Square, context: Context, each: Round, squares: LinfSquares | L2Squares, best: BestSoFar) -> int:
    """One restart, whose results go into the best; how many forward passes that took."""
    batch, rows, queries = each.batch, each.rows, settings.queries
    ids, origins, labels = batch.ids.tolist(), batch.images, batch.labels
    points = candidates = squares.start(context, ids, each.index, origins)
    margins = torch.full((len(rows),), float("inf"), device=origins.device)
    draws, channels = origins.new_empty(len(rows), 0), grid_shape(origins)[0]
    block, used, forwards = 0, 0, 0
    for query in range(queries):
        if query > 0:
            if used == draws.shape[1]:
                block, used = block + 1, 0
                draws = uniform_block(context.seed, ids, each.index, block, (BLOCK, squares.numbers + channels))
                draws = draws.to(origins.device)
            candidates = squares.propose(points, origins, draws[:, used], query / queries)
            used += 1
        candidates = as_stored(candidates, origins, context.threat)
        logits = context.judged(candidates)
        forwards += len(rows)
        found = margin(logits, labels).float()
        stay = logits.argmax(dim=1) == labels
        better = ~stay | ~lower(margins, found)
        points = torch.where(per_image(better, points), candidates, points)
        margins = torch.minimum(found, margins)
        gone = len(rows) - int(stay.sum())
        context.on_progress(len(rows) - gone + gone * (queries - query))
        if gone:
            best.note(rows[~stay], points[~stay], margins[~stay], stay[~stay], query)
            batch, rows, points = batch.select(stay), rows[stay], points[stay]
            margins, draws = margins[stay], draws[stay]
            ids, origins, labels = batch.ids.tolist(), batch.images, batch.labels
            if len(rows) == 0:
                return forwards
    best.note(rows, points, margins, torch.ones_like(rows, dtype=torch.bool), queries)
    return forwards


def share_at(progress: float) -> float:
    """The share of the pixels that a window covers, at `progress` from 0 to 1 of the queries."""
    return FIRST_SHARE / 2.0 ** sum(10_000 * progress > bound for bound in HALVINGS)


def grid_shape(images: Tensor) -> tuple[int, int, int]:
    """Channels, height and width of images (N, C, H, W), (N, H, W) or (N, features): what an image lacks is 1."""
    sizes = tuple(images.shape[1:])
    lengths = (1,) * (3 - len(sizes)) + sizes
    return lengths[-3], lengths[-2], lengths[-1]


def window_size(share: float, height: int, width: int, least: int = 1) -> tuple[int, int]:
    """Rows and columns of a window over `share` of the pixels: a square where one fits, else of the same area."""
    area = share * height * width
    rows = min(max(round(math.sqrt(area)), least), height)
    columns = rows if rows < height else round(area / rows)
    return rows, min(max(columns, least), width)


def corners(draws: Tensor, size: int, length: int) -> Tensor:
    """Where a window of `size` out of `length` begins (M,), from numbers (M,) uniform in [0, 1)."""
    return (draws * (length - size + 1)).long().clamp(max=length - size)


def signs(draws: Tensor) -> Tensor:
    """-1 or 1, from numbers uniform in [0, 1)."""
    return torch.where(draws < 0.5, -1.0, 1.0)


@dataclass(frozen=True, slots=True)
class LinfSquares:
    """Every pixel is at a corner of the ball; a window takes one sign for each channel.

    numbers: random ones that a query takes beside one for each channel, here two for the place.
    """

    threat: Threat
    numbers: ClassVar[int] = 2

    def start(self, context: Context, ids: list[int], restart: int, origins: Tensor) -> Tensor:
        """The first points of a restart: vertical stripes one pixel wide, each channel by itself."""
        channels, _, width = grid_shape(origins)
        draws = uniform_block(context.seed, ids, restart, 0, (channels, 1, width)).to(origins.device)
        return self._corner(origins.view(-1, *grid_shape(origins)), signs(draws)).view_as(origins)

    def propose(self, points: Tensor, origins: Tensor, draws: Tensor, progress: float) -> Tensor:
        """The points with one window at new corners, never the same points again; draws (M, ...), progress from 0 to 1."""
        shape = grid_shape(origins)
        here, around = points.view(-1, *shape), origins.view(-1, *shape)
        inside = window_mask(draws, window_size(share_at(progress), *shape[1:]), shape)
        chosen = signs(draws[:, 2:, None, None])
        moved = torch.where(inside, self._corner(around, chosen), here)
        same = (moved == here).flatten(1).all(dim=1)
        if bool(same.any()):
            # The window had these signs already: the query would be wasted, the opposite ones are news.
            opposite = inside & same.view(-1, 1, 1, 1)
            moved = torch.where(opposite, self._corner(around, -chosen), moved)
        return moved.view_as(points)

    def _corner(self, origins: Tensor, chosen: Tensor) -> Tensor:
        box = self.threat.box
        return (origins + chosen * self.threat.radius).clamp(box.low, box.high)


def window_mask(draws: Tensor, window: tuple[int, int], shape: tuple[int, int, int]) -> Tensor:
    """(M, 1, H, W) bool: where each image's window is, by the first two of its numbers."""
    down, right = (
        bands(window[axis], shape[1 + axis], draws.device)[corners(draws[:, axis], window[axis], shape[1 + axis])]
        for axis in (0, 1)
    )
    return down[:, None, :, None] & right[:, None, None, :]


@lru_cache(maxsize=128)
def bands(size: int, length: int, device: torch.device) -> Tensor:
    """(places, length) bool: every place of `size` neighbours out of `length`; never written to."""
    ramp = torch.arange(length, device=device) - torch.arange(length - size + 1, device=device)[:, None]
    return (ramp >= 0) & (ramp < size)


@dataclass(frozen=True, slots=True)
class L2Squares:
    """The whole radius is spent at all times: a window gives its share of it to another one, added to a two-sided bump.

    numbers: four for the two places, one for the bump's direction.
    """

    threat: Threat
    numbers: ClassVar[int] = 5

    def start(self, context: Context, ids: list[int], restart: int, origins: Tensor) -> Tensor:
        """A bump of random sign in every tile of a grid, each channel by itself."""
        channels, height, width = grid_shape(origins)
        rows, columns = (max(1, size // TILES) for size in (height, width))
        grid = (-(-height // rows), -(-width // columns))
        draws = uniform_block(context.seed, ids, restart, 0, (channels, *grid)).to(origins.device)
        tile = bump(rows, columns).to(origins.device)
        relief = torch.kron(signs(draws), tile)[:, :, :height, :width].reshape_as(origins)
        return self._boxed(origins, scale_each(relief, self.threat.radius / flat_norm(relief)))

    def propose(self, points: Tensor, origins: Tensor, draws: Tensor, progress: float) -> Tensor:
        """Proposals a window's share of the radius, and what clipping left unused, to another window."""
        shape = grid_shape(origins)
        channels, height, width = shape
        window = window_size(share_at(progress), height, width, least=3)
        shift = (points - origins).view(-1, channels, height * width)
        unused = (self.threat.radius**2 - flat_norm(shift).square()).clamp_min(0) / channels
        taken, given = (window_index(draws[:, first : first + 2], window, shape) for first in (0, 2))
        here = shift.gather(2, taken)
        emptied = shift.scatter(2, taken, 0.0)
        there = emptied.gather(2, given)
        emptied = emptied.scatter(2, given, 0.0)
        available = here.square().sum(dim=2) + there.square().sum(dim=2) + unused[:, None]
        lengthwise, crosswise = (two_sided_bump(window, axis).to(here.device).flatten() for axis in (1, 0))
        relief = torch.where(draws[:, 4, None] < 0.5, lengthwise, crosswise)[:, None, :]
        mixed = signs(draws[:, 5:])[:, :, None] * relief + _unit(here)
        shift = emptied.scatter(2, taken, _unit(mixed) * available.sqrt()[:, :, None])
        return self._boxed(origins, shift.view_as(origins))

    def _boxed(self, origins: Tensor, shift: Tensor) -> Tensor:
        return (origins + shift).clamp(self.threat.box.low, self.threat.box.high)


def window_index(draws: Tensor, window: tuple[int, int], shape: tuple[int, int, int]) -> Tensor:
    """(M, C, pixels): the places of a window's pixels in the flattened image, by two numbers of each image."""
    channels, height, width = shape
    first = corners(draws[:, 0], window[0], height) * width + corners(draws[:, 1], window[1], width)
    down, right = (torch.arange(size, device=draws.device) for size in window)
    within = down[:, None] * width + right
    return (first[:, None] + within.flatten())[:, None, :].expand(-1, channels, -1)


def bump(rows: int, columns: int) -> Tensor:
    """The paper's pseudo-Gaussian relief (rows, columns): sum of 1 / k^2 for the rings k that a pixel lies inside, unscaled.

    Its centre is the most positive; rings are counted from the longer side.
    """
    rings = max(rows, columns) // 2
    down = (torch.arange(rows) - rows // 2).abs()
    right = (torch.arange(columns) - columns // 2).abs()
    depth = rings - torch.maximum(down[:, None], right[None, :])
    heights = (1 / (rings + 1 - torch.arange(rings + 1.0)).square()).cumsum(0)
    return heights[depth]


def two_sided_bump(window: tuple[int, int], axis: int) -> Tensor:
    """One bump up beside one down along `axis`, as a relief of unit length and the window's size."""
    rows, columns = window
    length = window[axis]
    if length < 2:
        return _unit(bump(rows, columns).flatten()).view(rows, columns)
    half = length // 2
    sizes = [(size, columns) if axis == 0 else (rows, size) for size in (half, length - half)]
    relief = torch.cat([bump(*sizes[0]), -bump(*sizes[1])], dim=axis)
    return _unit(relief.flatten()).view(rows, columns)


def _unit(values: Tensor) -> Tensor:
    """(..., n) at unit length in the last axis; zeros stay zeros."""
    lengths: Tensor = torch.linalg.vector_norm(values, dim=-1, keepdim=True)
    return values / lengths.clamp_min(TINY)
