"""The queries of a hard-label attack: is this still the right class? Queries and successes are counted for each image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_seen, lengths_of
from bnnaudit.core.attack import HardLabel
from bnnaudit.core.batch import Batch

ROUNDING = 1e-6
"""Of the box's width: how far outside of the ball rounding may put a point of its surface. Not tuned."""


@dataclass(slots=True)
class Queries:
    """Queries about N images; written by one attack and by nobody else.

    asked (N,): queries of this restart. Points may lie anywhere in the box; only those in the
    ball can be successes.
    """

    settings: HardLabel
    context: Context
    batch: Batch
    best: BestSoFar
    asked: Tensor
    forwards: int = 0

    def restarts(self) -> Iterator[int]:
        """The restarts by number: in each the images that still stand have their whole number of queries again.

        Those that they leave unused are reported as done.
        """
        for restart in range(self.settings.restarts):
            self.asked.zero_()
            self.context.on_progress((len(self.batch) - len(self.best.standing)) * self.settings.queries)
            yield restart
            self.context.on_progress(int((self.settings.queries - self.asked[self.best.standing]).sum()))

    @property
    def rows(self) -> Tensor:
        """The places (M,) of the images that still stand and have queries left."""
        return (~self.best.fooled & (self.asked < self.settings.queries)).nonzero().squeeze(1)

    def active(self, rows: Tensor) -> Tensor:
        """(M,) bool: which of the images `rows` still stand and have queries left."""
        return ~self.best.fooled[rows] & (self.asked[rows] < self.settings.queries)

    def ask(self, rows: Tensor, points: Tensor) -> Tensor:
        """(M,) bool: whether points (M, ...) of the images `rows`, all different, are put into another class."""
        return self.ask_many(rows, points[:, None])[:, 0]

    def ask_many(self, rows: Tensor, points: Tensor) -> Tensor:
        """(M, Q) bool: the same of Q points (M, Q, ...) of each image, for which there must be queries left.

        They go through the network as many at a time as a batch has room for, and count as if asked one by one.
        """
        count, each = points.shape[:2]
        wrong = torch.empty(count, each, dtype=torch.bool, device=points.device)
        room = max(1, self.context.batch_size // max(1, count))
        for first in range(0, each, room):
            some = points[:, first : first + room]
            wrong[:, first : first + room] = self._answers(rows, some, first)
        self._charge(rows, each)
        return wrong

    def _answers(self, rows: Tensor, points: Tensor, before: int) -> Tensor:
        count, each = points.shape[:2]
        owners = rows.repeat_interleave(each)
        origins, box = self.batch.images[owners], self.context.threat.box
        flat = as_seen(points.flatten(0, 1).clamp(box.low, box.high), origins, self.context.threat)
        wrong = self.context.judged(flat).argmax(dim=1) != self.batch.labels[owners]
        inside = lengths_of(flat - origins, self.context.threat) <= self.context.threat.radius + ROUNDING * box.width
        hits = (wrong & inside).view(count, each)
        first = hits.int().argmax(dim=1)
        answered = flat.view(count, each, *origins.shape[1:])[torch.arange(count, device=flat.device), first]
        unknown = torch.full((count,), float("inf"), device=flat.device)
        steps = self.asked[rows] + before + first
        self.best.note(rows, answered, unknown, ~hits.any(dim=1), steps, onward=False)
        self.forwards += count * each
        return wrong.view(count, each)

    def _charge(self, rows: Tensor, each: int) -> None:
        """Counts so many queries of each image, and reports the progress; a fooled image is done with all of its own."""
        self.asked[rows] += each
        self.context.on_progress(len(rows) * each)
        gone = rows[self.best.fooled[rows]]
        spared = len(gone) * self.settings.queries - int(self.asked[gone].sum())
        self.asked[gone] = self.settings.queries
        self.context.on_progress(spared)
