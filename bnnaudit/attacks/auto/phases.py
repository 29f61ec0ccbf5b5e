"""The phases of `auto`: each spends a share of the budget on what still stands."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from bnnaudit.attacks.auto.candidates import STEPS, candidates, first_climb, shortened, unchosen
from bnnaudit.attacks.auto.gradient_quality import predicts_margins
from bnnaudit.attacks.auto.halving import FEWEST, ROUNDS, choose, price
from bnnaudit.attacks.auto.levels.input_levels import find_input_levels
from bnnaudit.attacks.auto.levels.search import search_levels
from bnnaudit.attacks.auto.spending import LEAST_STEPS
from bnnaudit.attacks.auto.state import Forecast, Run
from bnnaudit.attacks.auto.units.search import search_units, searchable
from bnnaudit.attacks.auto.windows import FOLLOWING, corner_stripes, round_passes, search_windows
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.deadline import Deadline
from bnnaudit.attacks.geometry import random_start
from bnnaudit.attacks.gradient import pgd
from bnnaudit.core.attack import Pgd
from bnnaudit.core.auto_run import Part, PhaseName
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.numerics import losses

UNIT_ROUNDS = 10
"""Rounds of the search by units. Not tuned."""
UNIT_ROUND_PRICE = 5
"""Gradient evaluations that one of them counts as. Not tuned."""
CHOICE_DELAY = 2
"""How often the time that the choice should take it may take before it is broken off: small batches cost more per image than
large ones. Not tuned."""


def climb_first(run: Run, share: float) -> None:
    """One climb on every image, through a surrogate if straight-through gradients do not predict margins."""
    context, threat = run.context, run.context.threat
    facts, cost = context.target.facts, Cost()
    if facts.quantizers:
        predicted, cost = predicts_margins(context, context.calibration)
        run.quantized = not predicted
    run.portfolio = unchosen(threat, run.quantized, facts.num_classes)
    climb(run, first_climb(threat, run.quantized), share * run.spending.left)
    if cost != Cost():
        run.count(Part(PhaseName.CHOOSING), cost)


def search_by_units(run: Run, share: float) -> None:
    """Searches small fully connected networks of signs by the patterns of their first layer; others are left alone.

    share: of a budget that is a time, the most that it may take.
    """
    network = searchable(run.context.target, tuple(run.batch.images.shape[1:]))
    if network is None:
        return
    spending, timed = run.spending, run.spending.is_timed
    amount = spending.left * (share if timed else 1)
    count = UNIT_ROUNDS if timed else min(UNIT_ROUNDS, int(amount / UNIT_ROUND_PRICE))
    # Images are searched one after the other; where the clock counts each gets its share.
    for rows, deadline in run.shares(amount, 1 if timed else None):
        starts, context = run.best.images[rows], run.context.until(deadline)
        run.enter(Part(PhaseName.UNITS), rows, search_units(context, network, run.batch.select(rows), starts, count))
    spending.spent += count * UNIT_ROUND_PRICE


def find_levels(run: Run, share: float) -> None:
    """Finds out whether the network quantizes its input to few levels."""
    context = run.context
    run.levels = find_input_levels(context.target, run.batch.images, context.threat.box, context.batch_size)


def choose_climbs(run: Run, share: float) -> None:
    """Chooses the portfolio on some of the images that stand, where `share` of the budget is enough for that."""
    threat, facts, spending = run.context.threat, run.context.target.facts, run.spending
    among = candidates(threat, run.quantized, facts.num_classes)
    standing = run.standing
    amount = share * spending.left
    most = run.gradients(amount) * len(standing)
    counts = range(min(len(standing), ROUNDS[-1][0]) + 1)
    available = max((count for count in counts if price(len(among), count) <= most), default=0)
    if available < FEWEST:
        return
    places = torch.linspace(0, len(standing) - 1, available, device=standing.device).round().long()
    rows = standing[places]
    before, deadline = run.cost.backwards, spending.deadline(CHOICE_DELAY * amount)

    def trial(settings: Pgd, images: int, steps: int) -> Tensor:
        """What a short climb takes off the margins, as a fraction of them (M,); from 1 to 2 where it fools, sooner for more."""
        tried = run.batch.select(rows[:images])
        margins = losses.margin(run.context.judged(tried.images), tried.labels)
        outcome = climbed(run, shortened(settings, steps), rows[:images], deadline)
        run.enter(Part(PhaseName.CHOOSING), rows[:images], outcome)
        falls = ((margins - outcome.margins) / margins.abs().clamp_min(torch.finfo(margins.dtype).tiny)).clamp(0, 1)
        return torch.where(outcome.fooled, 2 - outcome.fooled_at / steps, falls).cpu()

    chosen = choose(among, available, trial)
    spending.spent += (run.cost.backwards - before) / len(standing)
    if not deadline.passed:
        run.portfolio = chosen


def climb_in_turn(run: Run, share: float) -> None:
    """One climb by each setting of the portfolio, all of them in `share` of what is left; longer from the second turn on."""
    before = run.spending.left
    for settings in run.portfolio:
        most = share * before - (before - run.spending.left)
        climb(run, replace(settings, steps=STEPS * min(2, 1 + run.turns)), most)
    run.turns += 1
    run.climbed = before - run.spending.left


def search_by_windows(run: Run, share: float) -> None:
    """Spends `share` times what the climbs before it did: half from the best points so far, half from where such a
    search of its own has come to.
    """
    spending, amount = run.spending, share * run.climbed
    before = spending.left
    _windows(run, run.best.images, FOLLOWING, min(amount, before) / 2)
    if run.independent is None:
        run.independent = corner_stripes(run.context, run.batch)
    rest = min(amount - (before - spending.left), spending.left)
    run.independent = _windows(run, run.independent, 1, rest)


def _windows(run: Run, points: Tensor, following: int, amount: float) -> Tensor:
    """A search by windows from points (N, ...); where it has come to (N, ...)."""
    rounds = int(2 * run.gradients(amount) / round_passes(following))
    if not run.active or rounds == 0:
        return points
    reached = points.clone()
    guides = [target for settings in run.portfolio for target in _prepared(run, settings).stages]
    for rows, deadline in run.shares(amount):
        batch, context = run.batch.select(rows), run.context.until(deadline)
        found = search_windows(guides, context, batch, points[rows], rounds, run.spending.climbs, following)
        run.enter(Part(PhaseName.WINDOWS), rows, found)
        reached[rows] = found.images
    run.spending.pay(rounds * round_passes(following) / 2)
    return reached


def search_by_levels(run: Run, share: float) -> None:
    """Searches among the levels that pixels can reach."""
    assert run.levels is not None
    amount = share * run.spending.left
    passes = int(2 * run.gradients(amount))
    for rows, deadline in run.shares(amount):
        starts, context = run.best.images[rows], run.context.until(deadline)
        outcome, robust = search_levels(context, run.levels, run.batch.select(rows), passes, starts)
        run.enter(Part(PhaseName.LEVELS), rows, outcome)
        run.hopeless[rows[robust]] = True
    run.spending.spent += passes / 2


def drop_hopeless(run: Run, share: float) -> None:
    """Leaves alone from now on what will not fall within the budget, by what margins fell since the last time."""
    left, margins = run.spending.left, run.best.margins
    if run.forecast is not None:
        run.hopeless |= run.forecast.hopeless(margins, left)
        return
    run.cost += Cost(forwards=len(run.batch))
    originals = losses.margin(run.context.judged(run.batch.images), run.batch.labels).float()
    run.forecast = Forecast(originals, margins.clone(), left)


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
    return pgd.attack(settings, context, images, starts)


def _prepared(run: Run, settings: Pgd) -> Context:
    """The context of a climb with these settings, made once for all that climb through the same; so are the scales in it."""
    key = (settings.surrogate, settings.beta)
    if key not in run.prepared:
        given, known = run.context, next(reversed(run.prepared.values()), run.context).scales
        target, threat, calibration, seed = given.target, given.threat, given.calibration, given.seed
        size, told = given.batch_size, lambda units: None
        run.prepared[key] = prepared(settings, target, threat, calibration, seed, size, told, known)
    return run.prepared[key]
