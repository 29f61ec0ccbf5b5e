"""Runs the climbs of `auto` one after the other, each on the images that still stand, while the budget lasts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bnnaudit.attacks import pgd
from bnnaudit.attacks.ascent import rounds
from bnnaudit.attacks.auto.candidates import STEPS, candidates, first_climb, shortened, unchosen
from bnnaudit.attacks.auto.choosing import FEWEST, ROUNDS, choose, price
from bnnaudit.attacks.auto.input_levels import InputLevels, find_input_levels
from bnnaudit.attacks.auto.level_search import search_levels
from bnnaudit.attacks.auto.unit_search import search_units
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.geometry import random_start
from bnnaudit.attacks.ledger import Ledger
from bnnaudit.core.attack import AttackSettings, Budget, BudgetUnit
from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import UsageError
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.portfolio import Leg, Way
from bnnaudit.core.surrogate import WidthUnit
from bnnaudit.core.threat import Norm
from bnnaudit.numerics import losses
from bnnaudit.quantization.binary_network import BinaryNetwork, read_binary_network

SECONDS_UNITS = 100
"""Units of progress for each image where the budget is a time."""
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
MOST_UNITS = 1024
"""Hidden units of a network that is searched by them: where more share a decision, climbs find what there is."""
SEARCH_SECONDS_PASSES = 2000
"""Passes an image that such a search gets where the budget is a time."""


def image_steps(settings: AttackSettings) -> int:
    """The budget in gradients for each image, or percents of the time."""
    return round(settings.budget.amount) if settings.budget.unit is BudgetUnit.GRADIENTS else SECONDS_UNITS


def attack(settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
    """Climbs once on every image, chooses on some of those that still stand, and climbs by what was chosen until the end.

    Of `settings` only the budget counts. A small network of signs is searched by its units after the first climb, one that
    quantizes its input to few levels among these once the climbs have had their share. `fooled_at` counts the steps of all
    climbs on the image, those of choosing aside.
    """
    run = _Run(context, batch, settings.budget, Ledger.blank(batch))
    facts, threat = context.target.facts, context.threat
    quantized = bool(facts.quantizers)
    run.climb(first_climb(threat, quantized))
    levels = None
    if quantized and threat.norm is Norm.LINF:
        run.search_units()
    if quantized and threat.norm is Norm.LINF and run.goes_on:
        levels = find_input_levels(context.target, batch.images, threat.box, context.batch_size)
    among = candidates(threat, quantized, facts.num_classes)
    chosen = run.chosen(among) or unchosen(threat, quantized, facts.num_classes)
    cycle = 0
    while run.goes_on and (levels is None or run.used < CLIMBING_SHARE):
        for climb in chosen:
            run.climb(replace(climb, steps=STEPS * min(2, 1 + cycle)))
        cycle += 1
    if levels is not None and run.goes_on:
        run.search(levels)
    run.report(image_steps(settings) * len(batch))
    return replace(run.ledger.outcome(run.cost), legs=tuple(run.legs.values()))


@dataclass(slots=True)
class _Run:
    """One run on N images: what it has found and spent.

    spent: gradients on each image that still stands. legs: what it was made of, by the same before anything was done.
    """

    context: Context
    batch: Batch
    budget: Budget
    ledger: Ledger
    spent: float = 0.0
    climbs: int = 0
    cost: Cost = field(default_factory=Cost)
    reported: int = 0
    started: float = field(default_factory=time.perf_counter)
    contexts: dict[AttackSettings, Context] = field(default_factory=dict)
    scales: Mapping[WidthUnit, tuple[float, ...]] = field(default_factory=dict)
    legs: dict[Leg, Leg] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """What is left of the budget, in its unit."""
        if self.budget.unit is BudgetUnit.SECONDS:
            return self.budget.amount - (time.perf_counter() - self.started)
        return self.budget.amount - self.spent

    @property
    def used(self) -> float:
        """The fraction of the budget that is spent."""
        return 1 - self.left / self.budget.amount

    @property
    def goes_on(self) -> bool:
        """Whether there is anything left to attack, and to spend; the first climb is made however short."""
        enough = LEAST_STEPS if self.climbs and self.budget.unit is BudgetUnit.GRADIENTS else 0
        return self.left > enough and not bool(self.ledger.fooled.all())

    def climb(self, settings: AttackSettings) -> None:
        """One climb on what stands, shortened to what is left of the budget."""
        if not self.goes_on:
            return
        if self.budget.unit is BudgetUnit.GRADIENTS:
            settings = replace(settings, steps=min(settings.steps, int(self.left) // rounds(settings)))
            if settings.steps < LEAST_STEPS:
                settings = replace(settings, targets=1, steps=min(STEPS, int(self.left)))
        leg = Leg(Way.CLIMB if self.climbs else Way.FIRST, settings.surrogate, settings.loss)
        rows = self.ledger.standing
        for part in torch.split(rows, self.context.batch_size):
            if self.left <= 0:
                break
            self._enter(leg, part, self._outcome(settings, part))
        self.spent += settings.steps * rounds(settings)
        self.climbs += 1
        self.report(int(min(1.0, self.used) * len(self.batch) * self._units))

    @property
    def _units(self) -> int:
        return round(self.budget.amount) if self.budget.unit is BudgetUnit.GRADIENTS else SECONDS_UNITS

    def chosen(self, among: tuple[AttackSettings, ...]) -> tuple[AttackSettings, ...]:
        """The portfolio; nothing where there is too little to choose on, or to spend on it."""
        standing = self.ledger.standing
        available = min(len(standing), ROUNDS[-1][0])
        if self.budget.unit is BudgetUnit.GRADIENTS:
            most = CALIBRATION_SHARE * self.left * len(standing)
            available = max((n for n in range(available + 1) if price(len(among), n) <= most), default=0)
        if not self.goes_on or available < FEWEST:
            return ()
        places = torch.linspace(0, len(standing) - 1, available, device=standing.device).round().long()
        rows = standing[places]
        before = self.cost.backwards
        chosen = choose(among, available, lambda settings, images, steps: self._trial(settings, rows[:images], steps))
        self.spent += (self.cost.backwards - before) / len(standing)
        return chosen

    def search(self, levels: InputLevels) -> None:
        """Spends what is left of the budget on what stands, among the levels that its pixels can reach."""
        rows = self.ledger.standing
        seconds = self.budget.unit is BudgetUnit.SECONDS
        passes = SEARCH_SECONDS_PASSES if seconds else int(2 * self.left)
        for part in torch.split(rows, self.context.batch_size):
            if self.left <= 0:
                break
            starts = self.ledger.images[part]
            found = search_levels(self.context, levels, self.batch.select(part), passes, starts=starts)
            self._enter(Leg(Way.LEVELS), part, found.outcome)
        self.spent += passes / 2

    def search_units(self) -> None:
        """Searches small fully connected networks of signs by the patterns of their first layer; others are left alone."""
        network = self._small_network() if self.goes_on else None
        if network is None:
            return
        affordable = int(self.left / UNIT_ROUND_PRICE) if self.budget.unit is BudgetUnit.GRADIENTS else UNIT_ROUNDS
        count = min(UNIT_ROUNDS, affordable)
        for part in torch.split(self.ledger.standing, self.context.batch_size):
            starts = self.ledger.images[part]
            found = search_units(self.context, network, self.batch.select(part), starts, count)
            self._enter(Leg(Way.UNITS), part, found)
        self.spent += count * UNIT_ROUND_PRICE

    def _small_network(self) -> BinaryNetwork | None:
        target = self.context.target
        if len(target.facts.quantizers) > MOST_UNITS or target.facts.parameters > MOST_UNITS**2:
            return None
        try:
            network = read_binary_network(target, tuple(self.batch.images.shape[1:]), "auto")
        except UsageError:
            return None
        return network if sum(len(layer.bias) for layer in network.layers) <= MOST_UNITS else None

    def _trial(self, settings: AttackSettings, rows: Tensor, steps: int) -> Tensor:
        """What a short climb takes off the margins of the images `rows` (M,), as a fraction of them: (M,), 1 where fooled.

        Among those that it fools a climb that needs fewer steps counts for more.
        """
        short = shortened(settings, steps)
        part = self.batch.select(rows)
        with torch.no_grad():
            margins = losses.margin(self.context.logits(part.images), part.labels)
        outcome = self._outcome(settings, rows, short)
        self._enter(Leg(Way.CHOOSING), rows, outcome)
        falls = ((margins - outcome.margins) / margins.abs().clamp_min(torch.finfo(margins.dtype).tiny)).clamp(0, 1)
        return torch.where(outcome.fooled, 2 - outcome.fooled_at / steps, falls).cpu()

    def _outcome(self, settings: AttackSettings, rows: Tensor, short: AttackSettings | None = None) -> Outcome:
        """The climb on the images `rows` (M,), from a random point of its own."""
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
        part = self.batch.select(rows)
        starts = random_start(part, context.threat, settings, context.seed, self.climbs)
        return pgd.climb(short or settings, context, part, starts)

    def _enter(self, leg: Leg, rows: Tensor, outcome: Outcome) -> None:
        """What a part of the run found on the images `rows` (M,) goes into the ledger."""
        felled = self.batch.ids[rows[outcome.fooled & ~self.ledger.fooled[rows]]].tolist()
        self.legs[leg] = self.legs.get(leg, leg).and_also(felled, outcome.cost.forwards, outcome.cost.backwards)
        self.cost += outcome.cost
        self.ledger.enter(rows, outcome, int(self.spent))

    def report(self, units: int) -> None:
        """Progress up to so many units in all."""
        self.context.on_progress(max(0, units - self.reported))
        self.reported = max(units, self.reported)


def _nobody(units: int) -> None:
    """The run reports its own progress."""
