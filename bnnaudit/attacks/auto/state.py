"""What the phases of a run of `auto` share: the images, what was found on them, and what was spent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bnnaudit.attacks.auto.levels.input_levels import InputLevels
from bnnaudit.attacks.auto.spending import Spending
from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.deadline import Deadline
from bnnaudit.core.attack import Beta, Budget, Pgd
from bnnaudit.core.auto_run import Part
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.threat import Norm

FASTER = 10
"""By how much an image's margin may fall faster from now on than it did of late. Not tuned."""
NEAR = 0.1
"""An image is never given up whose margin is below this part of the original's. Not tuned."""


@dataclass(slots=True, eq=False)
class Forecast:
    """Whether images are worth going on with: the originals' margins (N,), those of the last look, and what was left then.

    Without it (`python -m tests.bench.ablation`, 200 images, 300 gradients per image) no network has an image more or less
    left. It saves 78 of 197 gradients per image on digits-bnn-wq at 0.05, 25 of 210 on the 2-bit MNIST network in L2, and at
    most 15 elsewhere.
    """

    originals: Tensor
    margins: Tensor
    left: float

    def hopeless(self, margins: Tensor, left: float) -> Tensor:
        """Images (N,) bool that would not fall within the budget `left` even FASTER times faster than since the last look."""
        spent = max(self.left - left, torch.finfo(margins.dtype).tiny)
        fallen = (self.margins - margins).clamp_min(0)
        self.margins, self.left = margins.clone(), left
        return (margins > FASTER * fallen * (left / spent)) & (margins > NEAR * self.originals)


@dataclass(slots=True)
class Run:
    """One run on the N images of `batch`.

    hopeless (N,) bool: images that were given up or are known to be robust. parts: what the run was made of, in order.
    quantized: the network has steps, and straight-through gradients do not predict its margins. portfolio: what is climbed by,
    in turn. levels: the input's, where the network has few. prepared: contexts of climbs, made once each. turns: turns of climbs
    so far; climbed: what the last one spent. independent (N, ...): where the window search is that began at random, whatever
    climbs reached. forecast: of how far margins fall.
    """

    context: Context
    batch: Batch
    spending: Spending
    best: BestSoFar
    hopeless: Tensor
    cost: Cost = field(default_factory=Cost)
    parts: dict[Part, Part] = field(default_factory=dict)
    quantized: bool = False
    portfolio: tuple[Pgd, ...] = ()
    levels: InputLevels | None = None
    prepared: dict[tuple[Surrogate, Beta], Context] = field(default_factory=dict)
    turns: int = 0
    climbed: float = 0.0
    independent: Tensor | None = None
    forecast: Forecast | None = None

    @classmethod
    def begun(cls, budget: Budget, context: Context, batch: Batch) -> Run:
        """Nothing found or spent."""
        spending, best = Spending.of(budget, len(batch), context.on_progress), BestSoFar.blank(batch)
        return cls(context, batch, spending, best, torch.zeros_like(best.fooled))

    @property
    def standing(self) -> Tensor:
        """The places of the images that are neither fooled nor given up (M,)."""
        rows = self.best.standing
        return rows[~self.hopeless[rows]]

    @property
    def in_linf(self) -> bool:
        """Whether perturbations are measured in L-inf, as the searches need."""
        return self.context.threat.norm is Norm.LINF

    @property
    def active(self) -> bool:
        """Whether there is anything left to attack, and to spend."""
        return self.spending.left > self.spending.least and len(self.standing) > 0

    def shares(self, amount: float, most: int | None = None) -> Iterator[tuple[Tensor, Deadline]]:
        """The places of what stands, part by part, each with the end of its share of `amount` of the budget.

        most: images in each part; as many as pass through the network at once where not given.
        """
        parts = torch.split(self.standing, most or self.context.batch_size)
        for rows, deadline in zip(parts, self.spending.deadline(amount).turns(len(parts)), strict=True):
            if deadline.passed:
                break
            yield rows, deadline

    def gradients(self, amount: float) -> float:
        """Gradients on each image that still stands for `amount` of the budget."""
        return self.spending.gradients(amount, len(self.standing), self.cost.backwards)

    def enter(self, part: Part, rows: Tensor, outcome: Outcome) -> None:
        """What a part of the run found on the images `rows` (M,)."""
        first = outcome.fooled & ~self.best.fooled[rows]
        self.count(part, outcome.cost, self.batch.ids[rows[first]].tolist())
        self.best.enter(rows, outcome, int(self.spending.spent))

    def count(self, part: Part, cost: Cost, fooled: list[int] | None = None) -> None:
        """What a part of the run cost, and the ids of the images that it was the first to fool."""
        self.parts[part] = self.parts.get(part, part).and_also(fooled or [], cost.forwards, cost.backwards)
        self.cost += cost
