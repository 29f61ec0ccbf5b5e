"""Search among the levels that an image can give its pixels, for networks that quantize their input to few levels.

Such a network sees a point of a finite set: one level for each pixel that can cross a threshold. Small sets are enumerated,
which settles the image; larger ones are searched greedily and then by tabu search, with moves whose effect the gradient at
the quantizer's own results predicts and the true margin judges.

Without it (`python -m tests.bench.ablation`, 200 images) 71 and 26 images of a binary MLP of 1-bit input are left at 0.1 and 0.2
instead of 67 and 19, and 123 of the 2-bit MNIST network at 0.2 instead of 118, with 1,000 gradients per image; with 300 it is 79
and 30 instead of 79 and 27, and as many as with it. At the smaller radii of the MNIST network (0.05, 0.1) it finds nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bnnaudit.attacks.auto.levels.field import LevelField
from bnnaudit.attacks.auto.levels.input_levels import InputLevels
from bnnaudit.attacks.auto.levels.reach import within_reach
from bnnaudit.attacks.best_so_far import BestSoFar, best_candidate
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.deadline import Deadline
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.numerics.randomness import uniform_block
from bnnaudit.quantization.quantizers import with_surrogate

SURROGATES = tuple(Surrogate.parse(text) for text in ("tanh:0.5", "triangular:1", "arctan:0.5"))
"""By turns the gradient of the steps behind the first; wide ones, whose gradient reaches past the nearest neurons. Not tuned."""
WIDTH = 8
"""Neighbours of a point that are looked at in one round: half of them single moves, a quarter joint ones, the others random
sets. Not tuned."""
SIZES = 8
"""Sets of promising slots that a greedy round compares, from a single one to all. Not tuned."""
PATIENCE = 8
"""Rounds without progress after which an image starts anew. Not tuned."""
REDRAWN = (0.05, 0.5)
"""The smallest and the largest share of its slots that is then drawn anew. Not tuned."""
TENURE = 0.25
"""The most rounds for which a slot that was moved stays as it is, in parts of the number of slots. Not tuned."""
DISORDER = 4 * WIDTH
"""By how many ranks chance moves a slot where random sets of promising ones are drawn. Not tuned."""


@dataclass(slots=True, eq=False)
class _LevelSearch:
    """What is known of each of N images; written in place by one search and by nobody else.

    current (N, S) int64: the choice in each slot, which is what `best` keeps in place of images. exhausted (N,) bool: everything
    that the network can be shown has been tried. passes (N,): forward and backward passes spent, `budget` at most. tabu
    (N, S): the round until which a slot stays as it is. stalled (N,): rounds without progress.
    """

    field: LevelField
    budget: int
    current: Tensor
    best: BestSoFar
    exhausted: Tensor
    passes: Tensor
    tabu: Tensor
    stalled: Tensor
    cost: Cost = Cost()  # noqa: RUF009 - frozen

    @classmethod
    def blank(cls, field: LevelField, budget: int) -> _LevelSearch:
        """Nothing looked at: each image makes its own choices."""
        own = torch.zeros_like(field.reach.pixels)
        nothing = torch.zeros_like(own[:, 0])
        best, exhausted = BestSoFar.blank(replace(field.batch, images=own)), field.reach.combinations() == 1
        return cls(field, budget, own, best, exhausted, nothing, own.clone(), nothing.clone())

    def standing(self, passes: int) -> Tensor:
        """Images that are neither fooled nor settled and can afford so many more passes (M,)."""
        going = ~self.best.fooled & ~self.exhausted & (self.passes + passes <= self.budget)
        return going.nonzero().squeeze(1)

    def judge(self, rows: Tensor, choices: Tensor, when: int, backwards: int = 0) -> None:
        """Asks the network about W candidates (M, W, S) of the images `rows` (M,), and goes on from the best of them.

        backwards: backward passes for each image that finding them took, each with a forward pass of its own.
        """
        margins, wrong = self.field.judged(rows, choices)
        picks = best_candidate(margins, wrong)
        each = torch.arange(len(rows), device=rows.device)
        picked = choices[each, picks]
        better = self.best.note(rows, picked, margins[each, picks], ~wrong.any(dim=1), when)
        self.stalled[rows] = torch.where(better, 0, self.stalled[rows] + 1)
        self.current[rows] = picked
        forwards = choices.shape[1] + backwards
        self.passes[rows] += forwards + backwards
        self.cost += Cost(len(rows) * forwards, len(rows) * backwards)


def search_levels(
    context: Context, levels: InputLevels, batch: Batch, budget: int, starts: Tensor | None = None
) -> tuple[Outcome, Tensor]:
    """Looks for levels that fool the network, within the L-inf threat of `context`, for each of N images.

    budget: the most passes an image, a forward and a backward one counting one each; an image for which it covers all
    choices of levels is settled. starts (N, ...): where an attack by gradients left off. `fooled_at` counts rounds. Beside the
    outcome (N,) bool: every image that the network can be shown has been tried and none fools it, so that it is robust.
    """
    networks = [with_surrogate(context.target.network, surrogate) for surrogate in SURROGATES]
    targets = [replace(context.target, network=network) for network in networks]
    field = LevelField(context, targets, levels, batch, within_reach(levels, batch.images, context.threat))
    search, rows = _LevelSearch.blank(field, budget), torch.arange(len(batch), device=batch.images.device)
    _judge_starts(search, rows, starts)
    _descend_greedily(search, context.deadline)
    settled = (field.reach.combinations() <= budget - search.passes) & ~search.best.fooled & ~search.exhausted
    _enumerate(search, settled.nonzero().squeeze(1), context.deadline)
    _search_tabu(search, context)
    images = field.points(rows, search.best.images[:, None])[:, 0]
    return replace(search.best.outcome(search.cost), images=images), search.exhausted & ~search.best.fooled


def _judge_starts(search: _LevelSearch, rows: Tensor, starts: Tensor | None) -> None:
    """The originals, and the starts where there are some."""
    candidates, reach = search.current[:, None], search.field.reach
    if starts is not None:
        there = search.field.levels.levels_of(starts)
        there = torch.cat([there, there.new_zeros(len(rows), 1)], dim=1).gather(1, reach.pixels)
        same = (reach.levels == there[:, :, None]) & (reach.counts[:, :, None] > 1)
        candidates = torch.stack([search.current, same.int().argmax(dim=2)], dim=1)
    if len(rows):
        search.judge(rows, candidates, 0)


def _descend_greedily(search: _LevelSearch, deadline: Deadline) -> None:
    """The one most promising slot, more, or all of them at once, as long as that brings the margin down."""
    field, rounds = search.field, 0
    rows = search.standing(SIZES + 2)
    exponents = torch.arange(SIZES, device=rows.device) / (SIZES - 1)
    slots = field.reach.counts.gt(1).sum(dim=1, keepdim=True)
    sizes = (slots.double() ** exponents).round()
    while len(rows) and not deadline.passed:
        rounds += 1
        current = search.current[rows]
        gains, options = field.predicted(rows, current, field.slopes(rows, current, rounds - 1)).min(dim=2)
        rank = gains.argsort(dim=1, stable=True).argsort(dim=1)
        chosen = (rank[:, None] < sizes[rows][:, :, None]) & (gains < 0)[:, None]
        search.judge(rows, torch.where(chosen, options[:, None], current[:, None]), rounds, backwards=1)
        going = search.standing(SIZES + 2)
        rows = going[torch.isin(going, rows) & (search.stalled[going] < len(field.targets))]


def _enumerate(search: _LevelSearch, rows: Tensor, deadline: Deadline) -> None:
    """Tries everything that the images `rows` (M,) can show the network, a block at a time, until it is fooled."""
    reach, done = search.field.reach, 0
    choices = reach.combinations().long()
    strides = reach.counts.cumprod(dim=1) // reach.counts
    while len(rows) and not deadline.passed:
        block = torch.arange(done, done + WIDTH, device=rows.device)
        numbers = torch.minimum(block[None], choices[rows][:, None] - 1)
        candidates = numbers[:, :, None] // strides[rows][:, None] % reach.counts[rows][:, None]
        search.judge(rows, candidates, 1 + done // WIDTH)
        done += WIDTH
        search.exhausted[rows] = choices[rows] <= done
        rows = rows[~search.best.fooled[rows] & ~search.exhausted[rows]]


def _search_tabu(search: _LevelSearch, context: Context) -> None:
    """Goes to the best of the promising neighbours, better or not; what was moved stays for a while (tabu search)."""
    field, rounds = search.field, 0
    search.current = search.best.images.clone()
    search.stalled.zero_()
    rows = search.standing(WIDTH + 2)
    pixels = len(field.levels.owned)
    while len(rows) and not context.deadline.passed:
        rounds += 1
        draws = uniform_block(context.seed, field.batch.ids[rows].tolist(), 0, rounds, (3, pixels + 1))
        draws = draws.to(field.batch.images.device)
        draws = draws.gather(2, field.reach.pixels[rows][:, None].expand(-1, 3, -1))
        _restart(search, rows, draws[:, 0])
        before = search.current[rows]
        change = field.predicted(rows, before, field.slopes(rows, before, rounds))
        candidates = _neighbours(change, before, search.tabu[rows] >= rounds, draws[:, 1])
        search.judge(rows, candidates, rounds, backwards=1)
        moved, slots = search.current[rows] != before, field.reach.counts[rows].gt(1).sum(dim=1, keepdim=True)
        tenure = 1 + (draws[:, 2] * (1 + TENURE * slots)).long()
        search.tabu[rows] = torch.where(moved, rounds + tenure, search.tabu[rows])
        rows = search.standing(WIDTH + 2)


def _restart(search: _LevelSearch, rows: Tensor, draws: Tensor) -> None:
    """Images that have stalled go on from their best point with some slots drawn anew; draws (M, S) in [0, 1)."""
    stuck = search.stalled[rows] >= PATIENCE
    counts = search.field.reach.counts[rows]
    share = REDRAWN[0] + (REDRAWN[1] - REDRAWN[0]) * draws[:, :1]
    fresh = (draws / share * counts).long().clamp_max(counts - 1)
    again = torch.where(draws < share, fresh, search.best.images[rows])
    search.current[rows] = torch.where(stuck[:, None], again, search.current[rows])
    search.tabu[rows] = torch.where(stuck[:, None], 0, search.tabu[rows])
    search.stalled[rows] = torch.where(stuck, 0, search.stalled[rows])


def _neighbours(change: Tensor, current: Tensor, tabu: Tensor, draws: Tensor) -> Tensor:
    """WIDTH neighbours (M, WIDTH, S) of `current` (M, S): the most promising single slots, the most promising 2, 4, 8 ...
    together, and random sets of promising ones.
    """
    gains, options = change.min(dim=2)
    gains = torch.where(tabu, torch.inf, gains)
    rank = gains.argsort(dim=1, stable=True).argsort(dim=1)
    free = gains.isfinite()
    singles, joint = WIDTH // 2, WIDTH // 4
    sets = [rank == place for place in range(singles)]
    sets += [rank < 2 << power for power in range(joint)]
    shuffled = (draws * DISORDER).argsort(dim=1, stable=True).argsort(dim=1)
    mixed = (rank + shuffled).argsort(dim=1, stable=True).argsort(dim=1)
    sets += [(mixed >= 2 * turn) & (mixed < 2 * turn + 2) for turn in range(WIDTH - singles - joint)]
    return torch.stack([torch.where(chosen & free, options, current) for chosen in sets], dim=1)
