"""Runs the climbs of `auto` one after the other, each on the images that still stand, while the budget lasts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bnnaudit.attacks import pgd
from bnnaudit.attacks.ascent import rounds
from bnnaudit.attacks.auto.candidates import STEPS, candidates, first_climb, shortened
from bnnaudit.attacks.auto.choosing import ROUNDS, choose
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.geometry import random_start
from bnnaudit.attacks.ledger import Ledger
from bnnaudit.core.attack import AttackSettings, Budget, BudgetUnit
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.numerics import losses

SECONDS_UNITS = 100
"""Units of progress for each image where the budget is a time."""
LEAST_STEPS = 5
"""Shorter climbs are not worth their start."""
CALIBRATION_SHARE = 0.25
"""Of the budget, the most that choosing may take."""


def image_steps(settings: AttackSettings) -> int:
    """The budget in gradients for each image, or percents of the time."""
    return round(settings.budget.amount) if settings.budget.unit is BudgetUnit.GRADIENTS else SECONDS_UNITS


def attack(settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
    """Climbs once on every image, chooses on some of those that still stand, and climbs by what was chosen until the end.

    Of `settings` only the budget counts. `fooled_at` counts the steps of all climbs on the image, those of choosing aside.
    """
    run = _Run(context, batch, settings.budget, Ledger.blank(batch))
    quantized = bool(context.target.facts.quantizers)
    run.climb(first_climb(context.threat, quantized))
    chosen = run.chosen(candidates(context.threat, quantized, context.target.facts.num_classes))
    cycle = 0
    while run.goes_on:
        for climb in chosen:
            run.climb(replace(climb, steps=STEPS * min(2, 1 + cycle)))
        cycle += 1
    run.report(image_steps(settings) * len(batch))
    return run.ledger.outcome(run.cost)


@dataclass(slots=True)
class _Run:
    """One run on N images: what it has found and spent. `spent`: gradients on each image that still stands."""

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

    @property
    def left(self) -> float:
        """What is left of the budget, in its unit."""
        if self.budget.unit is BudgetUnit.SECONDS:
            return self.budget.amount - (time.perf_counter() - self.started)
        return self.budget.amount - self.spent

    @property
    def goes_on(self) -> bool:
        """Whether there is anything left to attack, and to spend."""
        enough = 0 if self.budget.unit is BudgetUnit.SECONDS else LEAST_STEPS
        return self.left > enough and not bool(self.ledger.fooled.all())

    def climb(self, settings: AttackSettings) -> None:
        """One climb on what stands, shortened to what is left of the budget."""
        if not self.goes_on:
            return
        if self.budget.unit is BudgetUnit.GRADIENTS:
            settings = replace(settings, steps=min(settings.steps, int(self.left) // rounds(settings)))
            if settings.steps < LEAST_STEPS:
                settings = replace(settings, targets=1, steps=min(STEPS, int(self.left)))
        rows = self.ledger.standing
        for part in torch.split(rows, self.context.batch_size):
            if self.left <= 0:
                break
            self._enter(part, self._outcome(settings, part))
        self.spent += settings.steps * rounds(settings)
        self.climbs += 1
        share = 1 - self.left / self.budget.amount
        self.report(int(share * len(self.batch) * self._units))

    @property
    def _units(self) -> int:
        return round(self.budget.amount) if self.budget.unit is BudgetUnit.GRADIENTS else SECONDS_UNITS

    def chosen(self, among: tuple[AttackSettings, ...]) -> tuple[AttackSettings, ...]:
        """The portfolio; the candidates in their own order where there is too little to choose on, or to spend on it."""
        standing = self.ledger.standing
        if not self.goes_on:
            return among
        if self.budget.unit is BudgetUnit.GRADIENTS:
            price = len(among) * sum(steps for _, steps in ROUNDS)
            affordable = int(CALIBRATION_SHARE * self.left * len(standing) / price)
        else:
            affordable = len(standing)
        available = min(len(standing), affordable, ROUNDS[-1][0])
        if available < ROUNDS[0][0] // 2:
            return among
        places = torch.linspace(0, len(standing) - 1, available, device=standing.device).round().long()
        rows = standing[places]
        before = self.cost.backwards
        chosen = choose(among, available, lambda settings, images, steps: self._trial(settings, rows[:images], steps))
        self.spent += (self.cost.backwards - before) / len(standing)
        return chosen

    def _trial(self, settings: AttackSettings, rows: Tensor, steps: int) -> Tensor:
        """What a short climb takes off the margins of the images `rows` (M,), as a fraction of them: (M,), 1 where fooled.

        Among those that it fools a climb that needs fewer steps counts for more.
        """
        short = shortened(settings, steps)
        part = self.batch.select(rows)
        with torch.no_grad():
            margins = losses.margin(self.context.logits(part.images), part.labels)
        outcome = self._outcome(settings, rows, short)
        self._enter(rows, outcome)
        falls = ((margins - outcome.margins) / margins.abs().clamp_min(torch.finfo(margins.dtype).tiny)).clamp(0, 1)
        return torch.where(outcome.fooled, 2 - outcome.fooled_at / steps, falls).cpu()

    def _outcome(self, settings: AttackSettings, rows: Tensor, short: AttackSettings | None = None) -> Outcome:
        """The climb on the images `rows` (M,), from a random point of its own."""
        context = self.contexts.get(settings)
        if context is None:
            given = self.context
            context = prepared(
                settings, given.target, given.threat, given.calibration, given.seed, given.batch_size, _nobody
            )
            self.contexts[settings] = context
        part = self.batch.select(rows)
        starts = random_start(part, context.threat, settings, context.seed, self.climbs)
        return pgd.climb(short or settings, context, part, starts)

    def _enter(self, rows: Tensor, outcome: Outcome) -> None:
        """What a climb found on the images `rows` (M,) goes into the ledger."""
        self.cost += outcome.cost
        self.ledger.enter(rows, outcome, int(self.spent))

    def report(self, units: int) -> None:
        """Progress up to so many units in all."""
        self.context.on_progress(max(0, units - self.reported))
        self.reported = max(units, self.reported)


def _nobody(units: int) -> None:
    """The run reports its own progress."""
