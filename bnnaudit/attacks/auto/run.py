"""Runs the climbs of `auto` one after the other, each on the images that still stand, while the budget lasts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bnnaudit.attacks.auto.candidates import STEPS, candidates, first_climb, shortened, unchosen
from bnnaudit.attacks.auto.gradient_quality import foretells
from bnnaudit.attacks.auto.halving import FEWEST, ROUNDS, choose, price
from bnnaudit.attacks.auto.hopeless import Pace
from bnnaudit.attacks.auto.levels.input_levels import InputLevels, find_input_levels
from bnnaudit.attacks.auto.levels.search import search_levels
from bnnaudit.attacks.auto.spending import Spending
from bnnaudit.attacks.auto.units.search import search_units, searchable
from bnnaudit.attacks.auto.windows import FOLLOWING, corner_stripes, round_passes, search_windows
from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.deadline import Deadline
from bnnaudit.attacks.geometry import random_start
from bnnaudit.attacks.gradient import pgd
from bnnaudit.core.attack import Auto, Pgd
from bnnaudit.core.auto_run import Part, PhaseName
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.surrogate import WidthUnit
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm
from bnnaudit.numerics import losses

LEAST_STEPS = 5
"""Shorter climbs are not worth their start."""
CALIBRATION_SHARE = 0.35
"""Of the budget, the most that choosing may take. It attacks while it chooses, so little of this is lost."""
CLIMBING_SHARE = 0.4
"""Of the budget, what climbs get where a search among the levels of the input follows."""
UNIT_ROUNDS = 10
"""Rounds of the search by units."""
UNIT_ROUND_PRICE = 5
"""Gradient evaluations that one of them counts as."""
CYCLE_SHARE = 0.8
"""Of what is left of the budget, the most that one turn of climbs may take in L-inf, so that a search follows even where the
budget is small. At a budget of 300, of 50 images: a network of 2-bit inputs (BNN-WAQ, 0.1) has 26 left without this limit, 24
at 0.8, 22 at 0.5; one of 1-bit inputs (MNIST, 0.2) 29, 29 and 30."""
WINDOWS_SHARE = 2
"""What a search by windows gets after the climbs, in their price. On traffic signs at L-inf 1/255, with 1000 gradients each, the
margins of images that nothing fools came down to 32 % by climbs alone, to 30 % by turns of equal price, to 29 % where windows
had three times the price of the climbs."""
UNITS_SHARE = 0.5
"""Of a budget that is a time, the most that the search by units may take."""
CALIBRATION_DELAY = 2
"""How often what choosing should take it may take before it is broken off: small batches cost more an image than large ones."""


def attack(settings: Auto, context: Context, batch: Batch) -> Outcome:
    """Climbs once on every image, chooses on some of those that still stand, and climbs by what was chosen until the end.

    Of `settings` only the budget counts; images without hope are given up before its end. In L-inf the climbs take turns with
    searches by windows. A network whose steps are fine is attacked like one without steps. A small network of signs is
    searched by its units after the first climb, one that quantizes its input to few levels among these once the climbs have
    had their share. `fooled_at` counts the steps of all climbs on the image, those of choosing aside.
    """
    best = BestSoFar.blank(batch)
    run = _Run(context, batch, Spending.of(settings.budget), best, torch.zeros_like(best.fooled))
    facts, threat = context.target.facts, context.threat
    foretold, asking = foretells(context, context.calibration) if facts.quantizers else (True, Cost())
    quantized = not foretold
    run.climb(first_climb(threat, quantized))
    run.count(Part(PhaseName.CHOOSING), asking)
    run.drop_hopeless()
    levels = None
    if quantized and threat.norm is Norm.LINF:
        run.search_units()
    if quantized and threat.norm is Norm.LINF and run.active:
        levels = find_input_levels(context.target, batch.images, threat.box, context.batch_size)
    among = candidates(threat, quantized, facts.num_classes)
    chosen = run.chosen(among) or unchosen(threat, quantized, facts.num_classes)
    cycle = 0
    while run.active and (levels is None or run.spending.used < CLIMBING_SHARE):
        before = run.spending.left
        for climb in chosen:
            most = CYCLE_SHARE * before - (before - run.spending.left) if threat.norm is Norm.LINF else before
            run.climb(replace(climb, steps=STEPS * min(2, 1 + cycle)), most)
        cycle += 1
        if threat.norm is Norm.LINF and levels is None:
            run.search_windows(chosen, WINDOWS_SHARE * (before - run.spending.left))
        if run.spending.left == before:
            # Too little is left for a turn of its own, and nothing else would end the loop.
            break
        if levels is None:
            run.drop_hopeless()
    while levels is not None and run.active:
        run.search(levels)
    run.report(settings.image_steps * len(batch))
    return replace(run.best.outcome(run.cost), parts=tuple(run.parts.values()))


@dataclass(slots=True)
class _Run:
    """One run on N images: what it has found and spent.

    hopeless (N,) bool: images that were given up or are known to be robust. parts: what it was made of, by the same before
    anything was done. walked (N, ...): where the search by windows is that owes nothing to climbs.
    """

    context: Context
    batch: Batch
    spending: Spending
    best: BestSoFar
    hopeless: Tensor
    climbs: int = 0
    cost: Cost = field(default_factory=Cost)
    reported: int = 0
    contexts: dict[Pgd, Context] = field(default_factory=dict)
    scales: Mapping[WidthUnit, tuple[float, ...]] = field(default_factory=dict)
    parts: dict[Part, Part] = field(default_factory=dict)
    pace: Pace | None = None
    walked: Tensor | None = None

    @property
    def active(self) -> bool:
        """Whether there is anything left to attack, and to spend; the first climb is made however short."""
        return self.spending.left > self.least and len(self.standing) > 0

    @property
    def least(self) -> int:
        """What must be left of the budget for anything further: a shorter climb is not worth its start."""
        return LEAST_STEPS if self.climbs and not self.spending.is_timed else 0

    @property
    def standing(self) -> Tensor:
        """The places of the images that are neither fooled nor given up (M,)."""
        rows = self.best.standing
        return rows[~self.hopeless[rows]]

    def count(self, entry: Part, cost: Cost) -> None:
        """What a part of the run cost that attacked nothing."""
        if cost != Cost():
            self.parts[entry] = self.parts.get(entry, entry).and_also([], cost.forwards, cost.backwards)
            self.cost += cost

    def drop_hopeless(self) -> None:
        """Leaves alone from now on what has no hope to fall within the budget, by what was reached since the last time."""
        if not self.active:
            return
        left = self.spending.left
        if self.pace is None:
            self.cost += Cost(forwards=len(self.batch))
            margins = losses.margin(self.context.judged(self.batch.images), self.batch.labels).float()
            self.pace = Pace(margins, self.best.margins.clone(), left)
        else:
            self.hopeless |= self.pace.hopeless(self.best.margins, left)

    def climb(self, settings: Pgd, most: float = math.inf) -> None:
        """One climb on what stands, shortened to what is left of the budget and to `most` of it."""
        left = min(self.spending.left, most)
        if not self.active or left <= 0 or left < self.least:
            return
        if not self.spending.is_timed:
            settings = replace(settings, steps=min(settings.steps, int(left) // settings.rounds))
            if settings.steps < LEAST_STEPS:
                settings = replace(settings, targets=1, steps=min(STEPS, int(left)))
        entry = Part(PhaseName.CLIMB if self.climbs else PhaseName.FIRST, settings.surrogate, settings.loss)
        for part, deadline in self._turns(left):
            self._enter(entry, part, self._outcome(settings, part, deadline))
        self._spend(settings.steps * settings.rounds)

    def _spend(self, gradients: float) -> None:
        """A climb or search is over that takes so many gradients on each image that still stands."""
        self.spending.spent += gradients
        self.climbs += 1
        self.report(int(self.spending.used * len(self.batch) * self.spending.budget.units))

    def _turns(self, amount: float, most: int | None = None) -> Iterator[tuple[Tensor, Deadline]]:
        """What stands, part by part, each with the end of its share of `amount` of the budget; `most` images in each."""
        parts = torch.split(self.standing, most or self.context.batch_size)
        for part, deadline in zip(parts, self.spending.deadline(amount).turns(len(parts)), strict=True):
            if deadline.passed:
                break
            yield part, deadline

    def _gradients(self, amount: float) -> float:
        """Gradients on each image that still stands for `amount` of the budget."""
        return self.spending.gradients(amount, len(self.standing), self.cost.backwards)

    def chosen(self, among: tuple[Pgd, ...]) -> tuple[Pgd, ...]:
        """The portfolio; nothing where there is too little to choose on, or to spend on it."""
        standing = self.standing
        available = min(len(standing), ROUNDS[-1][0])
        share = CALIBRATION_SHARE * self.spending.left
        most = self._gradients(share) * len(standing)
        available = max((n for n in range(available + 1) if price(len(among), n) <= most), default=0)
        if not self.active or available < FEWEST:
            return ()
        places = torch.linspace(0, len(standing) - 1, available, device=standing.device).round().long()
        rows = standing[places]
        before, deadline = self.cost.backwards, self.spending.deadline(CALIBRATION_DELAY * share)
        chosen = choose(
            among, available, lambda settings, images, steps: self._trial(settings, rows[:images], steps, deadline)
        )
        self.spending.spent += (self.cost.backwards - before) / len(standing)
        return () if deadline.passed else chosen

    def search(self, levels: InputLevels) -> None:
        """Spends what is left of the budget on what stands, among the levels that its pixels can reach."""
        left = self.spending.left
        passes = int(2 * self._gradients(left))
        for part, deadline in self._turns(left):
            starts, context = self.best.images[part], self.context.until(deadline)
            found = search_levels(context, levels, self.batch.select(part), passes, starts=starts)
            self._enter(Part(PhaseName.LEVELS), part, found.outcome)
            self.hopeless[part[found.exhausted]] = True
        self.spending.spent += passes / 2

    def search_windows(self, climbs: tuple[Pgd, ...], amount: float) -> None:
        """Spends `amount` of the budget, or what is left: half from the best points so far, half on a walk of its own."""
        before = self.spending.left
        guides = [target for settings in climbs for target in self._prepared(settings).stages]
        self._walk(guides, self.best.images, FOLLOWING, min(amount, before) / 2)
        if self.walked is None:
            self.walked = corner_stripes(self.context, self.batch, 0)
        self.walked = self._walk(
            guides, self.walked, 1, min(amount - (before - self.spending.left), self.spending.left)
        )

    def _walk(self, guides: Sequence[Target], points: Tensor, following: int, amount: float) -> Tensor:
        """A search by windows from points (N, ...); where it has come to (N, ...)."""
        rounds = int(2 * self._gradients(amount) / round_passes(following))
        if not self.active or rounds == 0:
            return points
        reached = points.clone()
        for part, deadline in self._turns(amount):
            batch, context = self.batch.select(part), self.context.until(deadline)
            found = search_windows(guides, context, batch, points[part], rounds, self.climbs, following)
            self._enter(Part(PhaseName.WINDOWS), part, found)
            reached[part] = found.images
        self._spend(rounds * round_passes(following) / 2)
        return reached

    def search_units(self) -> None:
        """Searches small fully connected networks of signs by the patterns of their first layer; others are left alone."""
        network = searchable(self.context.target, tuple(self.batch.images.shape[1:])) if self.active else None
        if network is None:
            return
        amount = self.spending.left * (UNITS_SHARE if self.spending.is_timed else 1)
        count = UNIT_ROUNDS if self.spending.is_timed else min(UNIT_ROUNDS, int(amount / UNIT_ROUND_PRICE))
        # Images are searched one after the other; where the clock counts each gets its share.
        for part, deadline in self._turns(amount, 1 if self.spending.is_timed else None):
            starts, context = self.best.images[part], self.context.until(deadline)
            found = search_units(context, network, self.batch.select(part), starts, count)
            self._enter(Part(PhaseName.UNITS), part, found)
        self.spending.spent += count * UNIT_ROUND_PRICE

    def _trial(self, settings: Pgd, rows: Tensor, steps: int, deadline: Deadline) -> Tensor:
        """What a short climb takes off the margins of the images `rows` (M,), as a fraction of them: (M,), 1 where fooled.

        Among those that it fools a climb that needs fewer steps counts for more.
        """
        short = shortened(settings, steps)
        part = self.batch.select(rows)
        margins = losses.margin(self.context.judged(part.images), part.labels)
        outcome = self._outcome(settings, rows, deadline, short)
        self._enter(Part(PhaseName.CHOOSING), rows, outcome)
        falls = ((margins - outcome.margins) / margins.abs().clamp_min(torch.finfo(margins.dtype).tiny)).clamp(0, 1)
        return torch.where(outcome.fooled, 2 - outcome.fooled_at / steps, falls).cpu()

    def _outcome(self, settings: Pgd, rows: Tensor, deadline: Deadline, short: Pgd | None = None) -> Outcome:
        """The climb on the images `rows` (M,), from a random point of its own."""
        context, part = self._prepared(settings).until(deadline), self.batch.select(rows)
        starts = random_start(part, context.threat, context.seed, self.climbs)
        return pgd.climb(short or settings, context, part, starts)

    def _prepared(self, settings: Pgd) -> Context:
        """The surroundings of a climb with these settings, made once."""
        context = self.contexts.get(settings)
        if context is None:
            given = self.context
            context = prepared(
                settings,
                given.target,
                given.threat,
                given.calibration,
                given.seed,
                given.batch_size,
                _nobody,
                self.scales,
            )
            self.contexts[settings], self.scales = context, context.scales
        return context

    def _enter(self, entry: Part, rows: Tensor, outcome: Outcome) -> None:
        """What a part of the run found on the images `rows` (M,) goes into the best."""
        fooled = self.batch.ids[rows[outcome.fooled & ~self.best.fooled[rows]]].tolist()
        self.parts[entry] = self.parts.get(entry, entry).and_also(fooled, outcome.cost.forwards, outcome.cost.backwards)
        self.cost += outcome.cost
        self.best.enter(rows, outcome, int(self.spending.spent))

    def report(self, units: int) -> None:
        """Progress up to so many units in all."""
        self.context.on_progress(max(0, units - self.reported))
        self.reported = max(units, self.reported)


def _nobody(units: int) -> None:
    """The run reports its own progress."""
