"""The loop of the attacks without gradients: propose a point for each image, ask the network, keep it if no worse.

It runs on the network's own values: where nothing is differentiated, quantizers leave their surrogates out. A point of the
same margin is taken too, where [Andriushchenko et al. 2020] want a smaller one: the steps of a quantized network make
plateaus, on which a search that insists on progress stands still (digits-bnn-waq at L-inf 0.05, 500 queries: 62 % left
against 50 %).
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar, lower
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored
from bnnaudit.attacks.rounds import Round, rounds_of
from bnnaudit.core.attack import Search
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.numerics.losses import margin
from bnnaudit.numerics.norms import per_image


class Proposals(Protocol):
    """How a search proposes points, in pure functions. Points, origins and results are (M, ...), in the network's range."""

    def draw(self, context: Context, ids: list[int], restart: int, block: int, like: Tensor) -> Tensor:
        """The random numbers (M, Q, ...) of the block's Q queries, from the images' own streams; `like` (M, ...)."""
        ...

    def start(self, context: Context, ids: list[int], restart: int, origins: Tensor) -> Tensor:
        """The first points of a restart."""
        ...

    def propose(self, points: Tensor, origins: Tensor, draws: Tensor, progress: float) -> Tensor:
        """The points to ask about next, from the best so far; draws (M, ...), progress from 0 to 1 of the queries."""
        ...


def search(settings: Search, context: Context, batch: Batch, proposals: Proposals) -> Outcome:
    """Asks about `settings.queries` points for each of N images, in each restart; fooled images leave.

    The start is the first query. `fooled_at` counts the queries before the success. The image of the
    smallest margin is returned. The batch and the target are left as they were.
    """
    best, forwards = BestSoFar.blank(batch), 0
    with torch.no_grad():
        for each in rounds_of(settings, context, batch, best, None, settings.queries):
            forwards += _restart(settings, context, each, proposals, best)
    return best.outcome(Cost(forwards=forwards))


def _restart(settings: Search, context: Context, each: Round, proposals: Proposals, best: BestSoFar) -> int:
    """One restart, whose results go into the best; how many forward passes that took."""
    batch, rows, queries = each.batch, each.rows, settings.queries
    ids, origins, labels = batch.ids.tolist(), batch.images, batch.labels
    points = candidates = proposals.start(context, ids, each.index, origins)
    margins = torch.full((len(rows),), float("inf"), device=origins.device)
    draws, block, used, forwards = origins.new_empty(len(rows), 0), 0, 0, 0
    for query in range(queries):
        if query > 0:
            if used == draws.shape[1]:
                draws = proposals.draw(context, ids, each.index, block, origins).to(origins.device)
                block, used = block + 1, 0
            candidates = proposals.propose(points, origins, draws[:, used], query / queries)
            used += 1
        candidates = as_stored(candidates, origins, context.threat)
        logits = context.logits(candidates)
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
