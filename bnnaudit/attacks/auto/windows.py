"""Local search by windows, from the best point that climbs have reached: the gradient says where to, the true margin what stays.

In a window of random place and size every pixel goes to that end of its range in ball and box to which a gradient points. Of
several such windows, and one whose ends are drawn as in Square Attack ([Andriushchenko et al. 2020]), the one of the smallest
true margin is kept if that is no larger than before. A climb moves all pixels at once by one gradient, which in a network
of steps holds for few of them; windows find out for which.

Without it (`python -m tests.bench.ablation`, 200 images, 300 gradients per image) 124 and 82 images are left of a network of
2-bit activations instead of 119 and 77, 150 and 25 of a float network trained on adversarial images instead of 148 and 23, but
90 instead of 93 of digits-bnn-waq at 0.03; elsewhere at most one image more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.auto.gradient_quality import margin_slopes
from bnnaudit.attacks.best_so_far import PLATEAU, BestSoFar, ImageState, best_candidate
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored
from bnnaudit.attacks.query.square import LinfSquares, grid_shape, signs
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.target import Target
from bnnaudit.numerics import losses
from bnnaudit.numerics.norms import per_image
from bnnaudit.numerics.randomness import uniform_block

FOLLOWING = 3
"""Windows of a round that follow the gradient; one more does not, so that a gradient without sense does no harm. Not
tuned."""
BLOCK = 32
"""Rounds whose random numbers are drawn at a time; only memory and time depend on it."""
SMALL = 0.5
"""Sizes are drawn evenly on a logarithmic scale where this is 1, the smaller ones more often below. Not tuned."""


def round_passes(following: int) -> int:
    """Forward and backward passes that a round takes for an image."""
    return following + 3


def corner_stripes(context: Context, batch: Batch) -> Tensor:
    """Where a search begins that owes nothing to climbs (N, ...): Square Attack's vertical stripes of corners of the ball."""
    stripes = LinfSquares(context.threat).start(context, batch.ids.tolist(), 0, batch.images)
    return as_stored(stripes, batch.images, context.threat)


def search_windows(
    guides: Sequence[Target],
    context: Context,
    batch: Batch,
    starts: Tensor,
    rounds: int,
    stream: int,
    following: int = FOLLOWING,
) -> Outcome:
    """Searches from `starts` (N, ...), points of the L-inf ball and the box, for at most so many rounds.

    guides: the target with gradients by different surrogates, followed by turns. stream: which of an image's random streams.
    following: windows of a round that do so. `fooled_at` counts rounds. The first success is given back, else the point of
    least margin. No image's result depends on the others.
    """
    reached = BestSoFar.blank(batch)
    walk = _Walk.at(starts, batch, reached.standing)
    walk.judge(starts[:, None], context, reached, 0)
    cost, draws = Cost(forwards=len(batch)), starts.new_empty(0)
    shape = grid_shape(batch.images)
    for index in range(rounds):
        if index % BLOCK == 0:
            numbers = (BLOCK, following + 1, 3 + shape[0])
            draws = uniform_block(context.seed, walk.ids.tolist(), stream, index // BLOCK, numbers).to(starts.device)
        if not bool(walk.standing.all()):
            draws, walk = draws[walk.standing], walk.kept(walk.standing)
        if len(walk.rows) == 0 or context.deadline.passed:
            break
        parts = [torch.split(values, context.batch_size) for values in (walk.points, walk.labels)]
        pieces = [margin_slopes(guides[index % len(guides)], *part) for part in zip(*parts, strict=True)]
        slopes = torch.cat([slopes for _, slopes in pieces])
        candidates = _candidates(walk, slopes, draws[:, index % BLOCK], context)
        walk.judge(candidates, context, reached, index + 1)
        cost += Cost(forwards=len(walk.rows) * (following + 2), backwards=len(walk.rows))
    return reached.outcome(cost)


@dataclass(slots=True)
class _Walk(ImageState):
    """Where M images are; written in place by one search and by nobody else.

    rows (M,): their places among all. points, origins (M, ...), labels, margins (M,). standing (M,) bool: which of them go on.
    """

    rows: Tensor
    ids: Tensor
    points: Tensor
    origins: Tensor
    labels: Tensor
    margins: Tensor
    standing: Tensor

    @classmethod
    def at(cls, starts: Tensor, batch: Batch, rows: Tensor) -> _Walk:
        """Nowhere yet: a first judgement leads there."""
        margins = torch.full((len(rows),), torch.inf, device=starts.device)
        return cls(
            rows, batch.ids, starts, batch.images, batch.labels, margins, torch.ones_like(rows, dtype=torch.bool)
        )

    def judge(self, candidates: Tensor, context: Context, reached: BestSoFar, step: int) -> None:
        """Goes to the best of candidates (M, W, ...) where its margin is no larger; of equal ones to the first."""
        count = candidates.shape[1]
        logits = context.judged(candidates.flatten(0, 1))
        labels = self.labels.repeat_interleave(count)
        margins = losses.margin(logits, labels).float().view(-1, count)
        wrong = (logits.argmax(dim=1) != labels).view(-1, count)
        best = best_candidate(margins, wrong)
        each = torch.arange(len(best), device=best.device)
        points, found = candidates[each, best], margins[each, best]
        self.standing = ~wrong[each, best]
        reached.note(self.rows, points, found, self.standing, step)
        moves = found <= self.margins + PLATEAU * self.margins.abs()
        self.points = torch.where(per_image(moves, points), points, self.points)
        self.margins = torch.where(moves, torch.minimum(found, self.margins), self.margins)


def _candidates(walk: _Walk, slopes: Tensor, draws: Tensor, context: Context) -> Tensor:
    """A round's points (M, W, ...), from numbers (M, W, 3 + C): the last one's window takes a drawn end for each channel."""
    threat, shape, following = context.threat, grid_shape(walk.origins), draws.shape[1] - 1
    low = (walk.origins - threat.radius).clamp(min=threat.box.low).view(-1, 1, *shape)
    high = (walk.origins + threat.radius).clamp(max=threat.box.high).view(-1, 1, *shape)
    here, falls = walk.points.view(-1, 1, *shape), slopes.view(-1, 1, *shape)
    downhill = torch.where(falls < 0, high, torch.where(falls > 0, low, here))
    drawn = torch.where(signs(draws[:, following:, 3:, None, None]) > 0, high, low)
    ends = torch.cat([downhill.expand(-1, following, -1, -1, -1), drawn], dim=1)
    points = torch.where(windows(draws, shape[1], shape[2])[:, :, None], ends, here)
    count = points.shape[1]
    flat = points.view(-1, *walk.origins.shape[1:])
    stored = as_stored(flat, walk.origins.repeat_interleave(count, dim=0), threat)
    return stored.view(-1, count, *walk.origins.shape[1:])


def windows(draws: Tensor, height: int, width: int) -> Tensor:
    """(..., height, width) bool: in each a square, or where none fits a stretch of its area, from numbers (..., 3 or more).

    The first two say where it is, the third how large: from one pixel to all of them.
    """
    pixels = height * width
    area = pixels ** (1 - draws[..., 2] ** SMALL)
    rows = area.sqrt().round().clamp(1, height)
    columns = torch.where(rows < height, rows, (area / height).round()).clamp(1, width)
    down = _bands((draws[..., 0] * (height - rows + 1)).floor(), rows, height)
    across = _bands((draws[..., 1] * (width - columns + 1)).floor(), columns, width)
    return down[..., :, None] & across[..., None, :]


def _bands(first: Tensor, size: Tensor, length: int) -> Tensor:
    """(..., length) bool: `size` neighbours (...) out of `length`, from `first` (...) on."""
    ramp = torch.arange(length, device=first.device)
    return (ramp >= first[..., None]) & (ramp < (first + size)[..., None])
