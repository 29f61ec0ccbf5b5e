"""Climbs of a run of `auto`: one setting on what still stands, shortened to what the budget has left."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from bnnaudit.attacks.auto.candidates import STEPS
from bnnaudit.attacks.auto.spending import LEAST_STEPS
from bnnaudit.attacks.auto.state import Run
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.deadline import Deadline
from bnnaudit.attacks.geometry import random_start
from bnnaudit.attacks.gradient import pgd
from bnnaudit.core.attack import Pgd
from bnnaudit.core.auto_run import Part, PhaseName
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.target import Target


def climb(run: Run, settings: Pgd, most: float = math.inf) -> None:
    """One climb on what stands, shortened to what is left of the budget and to `most` of it."""
    spending = run.spending
    left = min(spending.left, most)
    if not run.active or left <= 0 or left < spending.least:
        return
    if not spending.is_timed:
        settings = replace(settings, steps=min(settings.steps, int(left) // settings.rounds))
        if settings.steps < LEAST_STEPS:
            settings = replace(settings, targets=1, steps=min(STEPS, int(left)))
    part = Part(PhaseName.CLIMB if spending.climbs else PhaseName.FIRST, settings.surrogate, settings.loss)
    for rows, deadline in run.shares(left):
        run.enter(part, rows, climbed(run, settings, rows, deadline))
    spending.pay(settings.steps * settings.rounds)


def climbed(run: Run, settings: Pgd, rows: Tensor, deadline: Deadline) -> Outcome:
    """The climb on the images `rows` (M,), from a random point of its own."""
    context, images = _prepared(run, settings).until(deadline), run.batch.select(rows)
    starts = random_start(images, context.threat, context.seed, run.spending.climbs)
    return pgd.climb(settings, context, images, starts)


def guides(run: Run) -> list[Target]:
    """The target as each climb of the portfolio sees it, at each width."""
    return [target for settings in run.portfolio for target in _prepared(run, settings).stages]


def _prepared(run: Run, settings: Pgd) -> Context:
    """The context of a climb with these settings, made once for all that climb through the same; so are the scales in it."""
    key = (settings.surrogate, settings.beta)
    if key not in run.prepared:
        given, known = run.context, next(reversed(run.prepared.values()), run.context).scales
        target, threat, calibration, seed = given.target, given.threat, given.calibration, given.seed
        run.prepared[key] = prepared(
            settings, target, threat, calibration, seed, given.batch_size, lambda units: None, known
        )
    return run.prepared[key]
