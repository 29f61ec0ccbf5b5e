"""Search among the levels that an image can give its pixels, for networks that quantize their input to few levels.

Such a network sees a point of a finite set: one level for each pixel that can cross a threshold. Small sets are gone through
from end to end, which settles the image; larger ones are searched by moves whose effect the gradient at the quantizer's own
results foretells and the true margin judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bnnaudit.attacks.auto.levels.field import LevelField
from bnnaudit.attacks.auto.levels.input_levels import InputLevels
from bnnaudit.attacks.auto.levels.reach import within_reach
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.deadline import Deadline
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.numerics.randomness import uniform_block
from bnnaudit.quantization.quantizers import with_surrogate

SURROGATES = tuple(Surrogate.parse(text) for text in ("tanh:0.5", "triangular:1", "arctan:0.5"))
"""By turns; wide ones, whose gradient reaches past the nearest neurons."""
WIDTH = 8
"""Neighbours of a point that are looked at in one round."""
SIZES = 8
"""Sets of promising slots that a greedy round compares, from a single one to all."""
PATIENCE = 8
"""Rounds without progress after which an image starts anew."""
STEADY = 1e-5
"""Relative difference of margins that the rounding of sums explains; no choice hangs on less."""


@dataclass(frozen=True, slots=True, eq=False)
class LevelOutcome:
    """outcome: as of any attack; `fooled_at` counts rounds. exhausted (N,) bool: every image that the network can be shown
    has been tried and none fools it, so that it is robust. choices (N,): how many these are, as float64.
    """

    outcome: Outcome
    exhausted: Tensor
    choices: Tensor


@dataclass(slots=True, eq=False)
class _State:
    """What is known of each of N images; written in place by one search and by nobody else.

    current, best (N, S) int64: the choice in each slot; margins (N,) are those of `best`. fooled_at, exhausted: as in
    LevelOutcome. passes (N,): forward and backward passes spent. barred (N, S): the round until which a slot stays as it
    is. stalled (N,): rounds without progress.
    """

    current: Tensor
    best: Tensor
    margins: Tensor
    fooled_at: Tensor
    exhausted: Tensor
    passes: Tensor
    barred: Tensor
    stalled: Tensor

    def judge(self, rows: Tensor, choices: Tensor, margins: Tensor, wrong: Tensor, when: int) -> None:
        """Enters W candidates (M, W, S) of the images `rows` (M,), and goes on from the best of them.

        margins, wrong (M, W). The first success is kept, else the least margin; of margins that rounding alone tells apart
        the first counts, whatever batch they came from.
        """
        ranked = torch.where(wrong, -torch.inf, margins)
        least = ranked.amin(dim=1, keepdim=True)
        chosen = (ranked <= least + STEADY * least.abs().nan_to_num(neginf=0.0)).int().argmax(dim=1)
        each = torch.arange(len(rows), device=rows.device)
        picked, found, hit = choices[each, chosen], margins[each, chosen], wrong.any(dim=1)
        known = self.margins[rows]
        better = hit | (found < known - STEADY * known.abs().nan_to_num(posinf=0.0))
        self.best[rows[better]], self.margins[rows[better]] = picked[better], found[better]
        self.fooled_at[rows[hit]] = when
        self.stalled[rows] = torch.where(better, 0, self.stalled[rows] + 1)
        self.current[rows] = picked


def search_levels(
    context: Context,
    levels: InputLevels,
    batch: Batch,
    budget: int,
    surrogates: Sequence[Surrogate] = SURROGATES,
    starts: Tensor | None = None,
) -> LevelOutcome:
    """Looks for levels that fool the network, within the L-inf threat of `context`, for each of N images.

    budget: the most passes an image, a forward and a backward one counting one each; an image for which it covers all
    choices of levels is settled. surrogates: by turns the gradient of the steps behind the first. starts (N, ...): where an
    attack by gradients left off.
    """
    networks = [with_surrogate(context.target.network, surrogate) for surrogate in surrogates]
    targets = [replace(context.target, network=network) for network in networks]
    field = LevelField(targets, levels, batch, within_reach(levels, batch.images, context.threat), context.batch_size)
    state, cost = _begun(field, starts)
    choices = field.reach.combinations()
    cost += _climbed(field, state, budget, context.deadline)
    settled = (choices <= budget - state.passes) & (state.fooled_at < 0) & ~state.exhausted
    cost += _enumerated(field, state, settled.nonzero().squeeze(1), context.deadline)
    cost += _wandered(field, state, budget, context)
    images = field.points(torch.arange(len(batch), device=batch.images.device), state.best[:, None])[:, 0]
    fooled = state.fooled_at >= 0
    outcome = Outcome(images, fooled, state.fooled_at, state.margins, torch.ones_like(state.margins), cost)
    return LevelOutcome(outcome, state.exhausted & ~fooled, choices)


def _begun(field: LevelField, starts: Tensor | None) -> tuple[_State, Cost]:
    """The originals judged, and the starts where there are some."""
    count, slots = field.reach.pixels.shape
    device = field.batch.images.device
    rows = torch.arange(count, device=device)
    own = torch.zeros(count, slots, dtype=torch.int64, device=device)
    nothing = torch.zeros(count, dtype=torch.int64, device=device)
    state = _State(
        current=own,
        best=own.clone(),
        margins=torch.full((count,), torch.inf, device=device),
        fooled_at=nothing - 1,
        exhausted=field.reach.combinations() == 1,
        passes=nothing.clone(),
        barred=torch.zeros_like(own),
        stalled=nothing.clone(),
    )
    candidates = own[:, None]
    if starts is not None:
        there = field.levels.levels_of(starts)
        there = torch.cat([there, there.new_zeros(count, 1)], dim=1).gather(1, field.reach.pixels)
        same = (field.reach.levels == there[:, :, None]) & (field.reach.counts[:, :, None] > 1)
        candidates = torch.stack([own, same.int().argmax(dim=2)], dim=1)
    if count:
        state.judge(rows, candidates, *field.judged(rows, candidates), 0)
    state.passes += candidates.shape[1]
    return state, Cost(forwards=count * candidates.shape[1])


def _standing(state: _State, budget: int, needed: int) -> Tensor:
    """Images that are neither fooled nor settled and can afford `needed` more passes (M,)."""
    going = (state.fooled_at < 0) & ~state.exhausted & (state.passes + needed <= budget)
    return going.nonzero().squeeze(1)


def _climbed(field: LevelField, state: _State, budget: int, deadline: Deadline) -> Cost:
    """Greedy descent of the margin: the one most promising slot, more, or all of them at once, as long as that helps."""
    cost, rounds = Cost(), 0
    rows = _standing(state, budget, SIZES + 2)
    exponents = torch.arange(SIZES, device=rows.device) / (SIZES - 1)
    slots = field.reach.counts.gt(1).sum(dim=1, keepdim=True)
    sizes = (slots.double() ** exponents).round()
    while len(rows) and not deadline.passed:
        rounds += 1
        slopes = field.slopes(rows, state.current[rows], rounds - 1)
        change = field.foretold(rows, state.current[rows], slopes)
        gains, options = change.min(dim=2)
        rank = gains.argsort(dim=1, stable=True).argsort(dim=1)
        chosen = (rank[:, None] < sizes[rows][:, :, None]) & (gains < 0)[:, None]
        candidates = torch.where(chosen, options[:, None], state.current[rows][:, None])
        state.judge(rows, candidates, *field.judged(rows, candidates), rounds)
        state.passes[rows] += SIZES + 2
        cost += Cost(len(rows) * (SIZES + 1), len(rows))
        going = _standing(state, budget, SIZES + 2)
        rows = going[torch.isin(going, rows) & (state.stalled[going] < len(field.targets))]
    return cost


def _enumerated(field: LevelField, state: _State, rows: Tensor, deadline: Deadline) -> Cost:
    """Tries everything that the images `rows` (M,) can show the network, a block at a time, until it is fooled."""
    cost, done = Cost(), 0
    choices = field.reach.combinations().long()
    strides = field.reach.counts.cumprod(dim=1) // field.reach.counts
    while len(rows) and not deadline.passed:
        block = torch.arange(done, done + WIDTH, device=rows.device)
        numbers = torch.minimum(block[None], choices[rows][:, None] - 1)
        candidates = numbers[:, :, None] // strides[rows][:, None] % field.reach.counts[rows][:, None]
        state.judge(rows, candidates, *field.judged(rows, candidates), 1 + done // WIDTH)
        state.passes[rows] += WIDTH
        cost += Cost(forwards=len(rows) * WIDTH)
        done += WIDTH
        state.exhausted[rows] = choices[rows] <= done
        rows = rows[(state.fooled_at[rows] < 0) & ~state.exhausted[rows]]
    return cost


def _wandered(field: LevelField, state: _State, budget: int, context: Context) -> Cost:
    """Local search that never stays: the best of the promising neighbours, better or not, and no way back for a while."""
    cost, rounds = Cost(), 0
    state.current = state.best.clone()
    state.stalled.zero_()
    rows = _standing(state, budget, WIDTH + 2)
    pixels = len(field.levels.owned)
    while len(rows) and not context.deadline.passed:
        rounds += 1
        draws = uniform_block(context.seed, field.batch.ids[rows].tolist(), 0, rounds, (3, pixels + 1)).to(
            field.batch.images.device
        )
        draws = draws.gather(2, field.reach.pixels[rows][:, None].expand(-1, 3, -1))
        _restarted(field, state, rows, draws[:, 0])
        before = state.current[rows]
        change = field.foretold(rows, before, field.slopes(rows, before, rounds))
        candidates = _neighbours(change, before, state.barred[rows] >= rounds, draws[:, 1])
        state.judge(rows, candidates, *field.judged(rows, candidates), rounds)
        moved = state.current[rows] != before
        tenure = 1 + (draws[:, 2] * (1 + field.reach.counts[rows].gt(1).sum(dim=1, keepdim=True) / 4)).long()
        state.barred[rows] = torch.where(moved, rounds + tenure, state.barred[rows])
        state.passes[rows] += WIDTH + 2
        cost += Cost(len(rows) * (WIDTH + 1), len(rows))
        rows = _standing(state, budget, WIDTH + 2)
    return cost


def _restarted(field: LevelField, state: _State, rows: Tensor, draws: Tensor) -> None:
    """Images that have stalled go on from their best point with some slots drawn anew; draws (M, S) in [0, 1)."""
    stuck = state.stalled[rows] >= PATIENCE
    counts = field.reach.counts[rows]
    share = 0.05 + 0.45 * draws[:, :1]
    redrawn = draws < share
    fresh = (draws / share * counts).long().clamp_max(counts - 1)
    again = torch.where(redrawn, fresh, state.best[rows])
    state.current[rows] = torch.where(stuck[:, None], again, state.current[rows])
    state.barred[rows] = torch.where(stuck[:, None], 0, state.barred[rows])
    state.stalled[rows] = torch.where(stuck, 0, state.stalled[rows])


def _neighbours(change: Tensor, current: Tensor, barred: Tensor, draws: Tensor) -> Tensor:
    """WIDTH neighbours (M, WIDTH, S) of `current` (M, S): the most promising single slots, the most promising 2, 4, 8 ...
    together, and random sets of promising ones.
    """
    gains, options = change.min(dim=2)
    gains = torch.where(barred, torch.inf, gains)
    rank = gains.argsort(dim=1, stable=True).argsort(dim=1)
    free = gains.isfinite()
    singles, joint = WIDTH // 2, WIDTH // 4
    sets = [rank == place for place in range(singles)]
    sets += [rank < 2 << power for power in range(joint)]
    shuffled = (draws * 4 * WIDTH).argsort(dim=1, stable=True).argsort(dim=1)
    mixed = (rank + shuffled).argsort(dim=1, stable=True).argsort(dim=1)
    sets += [(mixed >= 2 * turn) & (mixed < 2 * turn + 2) for turn in range(WIDTH - singles - joint)]
    return torch.stack([torch.where(chosen & free, options, current) for chosen in sets], dim=1)
