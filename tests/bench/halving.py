"""Ways to choose what a climb goes through and maximises, at an equal budget: what they leave, and what choosing takes.

    python -m tests.bench.halving [--samples 100] [--budget 200] [--seed 0] [--only digits-bnn-waq ...]

Each way starts with the first climb of `auto`, chooses among its candidates (surrogate, temperature rule, loss), and
climbs by its choice in turn until every image that still stands has had `--budget` gradients, those of choosing included:

    fixed      no choice: one setting of each kind
    grid       every candidate in 20 steps on up to 32 images that stand, then the greedy portfolio
    halving    successive halving on the same images, as `auto` chooses
    image      for each image by itself: the candidates whose steps from where it stands take most off its true margin,
               by finite differences along the step at three lengths

No way may spend more than 35 % of its budget on choosing; where that is too little for four images it is `fixed`. Only
climbs are compared: the searches of `auto` among levels and units are left out.

A row for each model and radius: the accuracy left after replay with its 95 % interval, and in brackets the share of
gradients that went into choosing. Ends with the mean accuracy of each way.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from bnnaudit.attacks.auto.candidates import STEPS, candidates, first_climb, shortened, unchosen
from bnnaudit.attacks.auto.halving import FEWEST, PORTFOLIO, ROUNDS, choose, greedily, price
from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.geometry import ascent_direction, project, random_start
from bnnaudit.attacks.gradient import pgd
from bnnaudit.attacks.gradient.ascent import error_signal
from bnnaudit.auditing.replay_check import replay
from bnnaudit.auditing.verdict import estimate
from bnnaudit.core.attack import Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat, parse_length
from bnnaudit.numerics import losses
from tests.bench.strongest import cases, opened, say

SHARE = 0.35
"""Of what is left of the budget, the most that choosing may take, as in `auto`."""
LENGTHS = (1.0, 0.3, 0.1)
"""Steps along which the margin is looked at, in radii."""
SEEN_FROM = 3
"""Points of each image from which that is done: where it stands, and random ones."""

Plan = Sequence[Tensor]
"""What to run in turn: each entry names a candidate, for all images () or each of those that stood at the choice (M,)."""


@dataclass(slots=True, eq=False)
class Run:
    """One way on N images. spent (N,): gradients on each image; choosing, total: gradients in all."""

    target: Target
    batch: Batch
    threat: Threat
    seed: int
    budget: int
    best: BestSoFar
    among: tuple[Pgd, ...]
    spent: Tensor
    choosing: int = 0
    total: int = 0
    climbs: int = 0
    contexts: dict[Pgd, Context] = field(default_factory=dict)

    def context(self, settings: Pgd) -> Context:
        """The context of a candidate, made once."""
        if settings not in self.contexts:
            made = prepared(settings, self.target, self.threat, self.batch, self.seed, 256, lambda units: None)
            self.contexts[settings] = made
        return self.contexts[settings]

    def climb(self, settings: Pgd, rows: Tensor, short: Pgd | None = None) -> Tensor:
        """One climb on the images `rows` (M,); what it took off their margins as a fraction (M,), 1 to 2 where fooled."""
        context, part = self.context(settings), self.batch.select(rows)
        margins = losses.margin(context.judged(part.images), part.labels)
        starts = random_start(part, self.threat, self.seed, self.climbs)
        outcome = pgd.attack(short or settings, context, part, starts)
        self.best.enter(rows, outcome, 0)
        self.total += outcome.cost.backwards
        falls = ((margins - outcome.margins) / margins.abs().clamp_min(1e-30)).clamp(0, 1)
        steps = (short or settings).steps
        return torch.where(outcome.fooled, 2 - outcome.fooled_at / steps, falls)

    def chosen_on(self, prices: Callable[[int], int]) -> Tensor:
        """Images that stand, as many as choosing may afford, evenly spread."""
        standing = self.best.standing
        most = SHARE * float((self.budget - self.spent[standing]).sum())
        count = max((n for n in range(min(len(standing), ROUNDS[-1][0]) + 1) if prices(n) <= most), default=0)
        return standing[torch.linspace(0, len(standing) - 1, count).round().long()]

    def portfolio(self, settings: Sequence[Pgd]) -> Plan:
        """The same for every image that stands."""
        return [torch.tensor(self.among.index(entry)) for entry in settings]


def fixed(run: Run) -> Plan:
    """No choice at all."""
    facts = run.target.facts
    return run.portfolio(unchosen(run.threat, bool(facts.quantizers), facts.num_classes))


def grid(run: Run) -> Plan:
    """Every candidate on the same images."""
    steps = ROUNDS[-1][1]
    rows = run.chosen_on(lambda images: len(run.among) * images * steps)
    if len(rows) < FEWEST:
        return fixed(run)
    falls = [run.climb(entry, rows, shortened(entry, steps)) for entry in run.among]
    return run.portfolio(greedily(run.among, falls))


def halving(run: Run) -> Plan:
    """As `auto` does."""
    rows = run.chosen_on(lambda images: price(len(run.among), images))
    if len(rows) < FEWEST:
        return fixed(run)

    def trial(settings: Pgd, images: int, steps: int) -> Tensor:
        return run.climb(settings, rows[:images], shortened(settings, steps))

    return run.portfolio(choose(run.among, len(rows), trial))


def image(run: Run) -> Plan:
    """Each image's own best candidates: the mean, over points, of the deepest true fall along the candidate's step."""
    rows = run.best.standing
    part, best = run.batch.select(rows), run.best.images[rows]
    falls = torch.zeros(len(run.among), len(rows))
    for seen in range(SEEN_FROM):
        points = best if seen == 0 else random_start(part, run.threat, run.seed, 1000 + seen)
        for index, settings in enumerate(run.among):
            falls[index] += fall_along(run, settings, part, points, seen / max(1, SEEN_FROM - 1)) / SEEN_FROM
    order = falls.argsort(dim=0, descending=True, stable=True)
    return list(order[:PORTFOLIO])


def fall_along(run: Run, settings: Pgd, part: Batch, points: Tensor, progress: float) -> Tensor:
    """The deepest fall (M,) of the true margin along the step that a candidate takes from points (M, ...)."""
    context = run.context(settings)
    stage = context.stages[round(progress * (len(context.stages) - 1))]
    inputs = points.detach().requires_grad_()
    logits = stage.logits(inputs)
    betas, _ = context.temperature.at_start(stage, points, logits.detach(), part.labels)
    betas = context.temperature.at_step(betas, logits.detach(), part.labels)
    goals = losses.ranked_others(logits.detach(), part.labels)[:, 0]
    signal = error_signal(settings, logits.detach(), part.labels, betas, goals if settings.loss.targeted else None)
    (gradients,) = torch.autograd.grad(logits, inputs, signal)
    run.total += len(points)
    direction = ascent_direction(gradients, run.threat)
    before = losses.margin(context.judged(points), part.labels)
    moved = [project(points + direction * (length * run.threat.radius), part.images, run.threat) for length in LENGTHS]
    after = torch.stack([losses.margin(context.judged(there), part.labels) for there in moved])
    return before - after.amin(dim=0)


WAYS: Mapping[str, Callable[[Run], Plan]] = {"fixed": fixed, "grid": grid, "halving": halving, "image": image}


def finished(run: Run, way: Callable[[Run], Plan]) -> Run:
    """The first climb, the choice, and climbs by it until the budget is spent."""
    quantized = bool(run.target.facts.quantizers)
    first = first_climb(run.threat, quantized)
    run.climb(first, run.best.standing)
    run.spent += first.steps
    before, standing = run.total, run.best.standing
    if len(standing) == 0:
        return run
    plan = way(run)
    run.choosing = run.total - before
    run.spent += run.choosing / len(standing)
    owners = torch.full((len(run.batch),), -1)
    cycle = 0
    while len(affording(run)):
        for column in plan:
            owners[standing] = column
            for index in column.unique().tolist():
                rows = affording(run)
                share(run, run.among[index], rows[owners[rows] == index], cycle)
        cycle += 1
    return run


def affording(run: Run) -> Tensor:
    """The images that stand and have gradients left."""
    standing = run.best.standing
    return standing[run.spent[standing] + 1 <= run.budget]


def share(run: Run, settings: Pgd, rows: Tensor, cycle: int) -> None:
    """A climb on images `rows` (M,), shortened to what they can afford; longer from the second cycle on."""
    if len(rows) == 0:
        return
    left = int((run.budget - run.spent[rows]).min())
    steps = min(STEPS * min(2, 1 + cycle), left // settings.rounds)
    short = replace(settings, steps=steps) if steps else replace(settings, steps=min(STEPS, left), targets=1)
    run.climbs += 1
    run.climb(settings, rows, short)
    run.spent[rows] += short.steps * short.rounds


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--budget", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    say("| model | eps | " + " | ".join(WAYS) + " |")
    say("|---" * (2 + len(WAYS)) + "|")
    means = {name: 0.0 for name in WAYS}
    rows = 0
    for case in cases():
        if options.only and case.name not in options.only:
            continue
        target, sample, clean = opened(case, options.samples)
        for radius in case.radii:
            threat = Threat(Norm.LINF, parse_length(radius), target.facts.box)
            cells = []
            for name, way in WAYS.items():
                left, share = measured(target, sample, clean, threat, way, options.budget, options.seed)
                found = estimate(left, len(sample))
                means[name] += found.value
                cells.append(
                    f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}] ({100 * share:.0f} %)"
                )
            rows += 1
            say("| " + " | ".join([case.name, radius, *cells]) + " |")
    say("| mean | | " + " | ".join(f"{100 * total / max(1, rows):.1f} %" for total in means.values()) + " |")
    return 0


def measured(
    target: Target,
    sample: Batch,
    clean: Tensor,
    threat: Threat,
    way: Callable[[Run], Plan],
    budget: int,
    seed: int,
) -> tuple[int, float]:
    """Images left after replay, and the share of the gradients that went into choosing."""
    batch = sample.select(clean.nonzero().squeeze(1))
    facts = target.facts
    among = candidates(threat, bool(facts.quantizers), facts.num_classes)
    run = finished(
        Run(target, batch, threat, seed, budget, BestSoFar.blank(batch), among, torch.zeros(len(batch))), way
    )
    fooled = replay(target, batch, threat, run.best.outcome(Cost())).fooled
    return len(batch) - int(fooled.sum()), run.choosing / max(1, run.total)


if __name__ == "__main__":
    sys.exit(main())
