"""FAB: the smallest perturbation by steps onto linearised boundaries that keep close to the original ([Croce & Hein 2020b]).

An iterate moves to a point between two projections onto the same linearised boundary, its own and the original's, both
exact inside the box; where it has crossed the true boundary it takes a step back towards the original and goes on. The
untargeted attack goes for the nearest boundary of the likeliest classes, the targeted one for one class after the other, at
one backward pass a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.boundary.boundary import Boundary, lengths_of, settle, step_onto
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import random_start
from bnnaudit.attacks.gradient.ascent import rounds
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Threat
from bnnaudit.numerics import losses
from bnnaudit.numerics.norms import scale_each

LARGEST_BIAS = 0.1
"""The most that an iterate leans towards the original's own projection (the paper's alpha_max)."""
OVERSHOOT = 1.05
"""How far a step goes, 1 being the linearised boundary (the paper's eta)."""
STEP_BACK = 0.9
"""The part of the perturbation that is left after a step back (the paper's beta)."""


def image_steps(settings: AttackSettings) -> int:
    """`settings.steps` in each round."""
    return settings.steps * rounds(settings)


def attack(settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
    """`settings.steps` steps in each restart; the first starts from the image itself, the others from random points near it.

    Goes for `settings.targets` classes, the likeliest first: for one of them a round where the loss is targeted, else for the
    nearest. What the loss is makes no other difference.
    """
    best = BestSoFar.blank(batch)
    with torch.no_grad():
        logits = context.logits(batch.images)
    best.judge(best.standing, batch.images, logits, batch.labels, 0)
    goals = losses.ranked_others(logits, batch.labels)
    cost = Cost(forwards=len(batch))
    search = _Search(settings, context, best)
    for index in range(rounds(settings)):
        rows = best.standing
        context.on_progress((len(batch) - len(rows)) * settings.steps)
        if len(rows) == 0:
            continue
        if settings.loss.targeted:
            column = (index // settings.restarts) % goals.shape[1]
            chosen = goals[rows, column : column + 1]
        else:
            chosen = goals[rows, : settings.targets]
        cost += search.run(batch.select(rows), rows, chosen, index)
    return best.outcome(cost)


@dataclass(frozen=True, slots=True)
class _Search:
    """One round on some of the images, whose results go into the best."""

    settings: AttackSettings
    context: Context
    best: BestSoFar

    def run(self, batch: Batch, rows: Tensor, goals: Tensor, index: int) -> Cost:
        """Searches for the images `rows` (M,) near the boundaries with the classes goals (M, T)."""
        settings, context, steps = self.settings, self.context, self.settings.steps
        points = self._start(batch, index)
        closest, shortest = batch.images, torch.full((len(rows),), float("inf"), device=points.device)
        cost = Cost()
        for step in range(1, steps + 1):
            points = points.detach().requires_grad_()
            logits = context.logits(points)
            boundary = Boundary.nearest(logits, points, batch.labels, goals, context.threat.norm)
            points = _moved(points.detach(), batch.images, boundary, context.threat)
            with torch.no_grad():
                values = context.logits(points)
            cost += Cost(forwards=2 * len(points), backwards=goals.numel())
            lengths = lengths_of(points - batch.images, context.threat.norm, settings.l2_per_channel)
            inside = lengths <= context.threat.radius
            self.best.judge(rows[inside], points[inside], values[inside], batch.labels[inside], step)
            crossed = values.argmax(dim=1) != batch.labels
            nearer = crossed & (lengths < shortest)
            closest = torch.where(_wide(nearer, points), points, closest)
            shortest = torch.where(nearer, lengths, shortest)
            points = torch.where(_wide(crossed, points), batch.images + STEP_BACK * (points - batch.images), points)
            going = ~(crossed & inside)
            context.on_progress(int(going.sum()) + int((~going).sum()) * (steps - step + 1))
            if not bool(going.all()):
                batch, rows, goals, points = batch.select(going), rows[going], goals[going], points[going]
                closest, shortest = closest[going], shortest[going]
            if len(rows) == 0:
                break
        found = shortest.isfinite()
        at = torch.full_like(rows[found], steps)
        return cost + settle(settings, context, batch.select(found), closest[found], rows[found], self.best, at)

    def _start(self, batch: Batch, index: int) -> Tensor:
        """The image itself, in a restart a point drawn from the ball of half the radius around it."""
        if index % self.settings.restarts == 0:
            return batch.images
        drawn = random_start(batch, self.context.threat, self.settings, self.context.seed, index)
        return (batch.images + drawn) / 2


def _moved(points: Tensor, origins: Tensor, boundary: Boundary, threat: Threat) -> Tensor:
    """One step: between the projections of iterate and original, the nearer the one is the more of it (M, ...)."""
    # The same hyperplane as seen from the original: its distance changes by the normal's product with the way between.
    back = (boundary.normals * (points - origins)).flatten(1).sum(dim=1)
    own = step_onto(boundary, points, boundary.rises, threat)
    from_origin = step_onto(boundary, origins, boundary.rises + back, threat)
    own_length, other_length = lengths_of(own, threat.norm), lengths_of(from_origin, threat.norm)
    both = (own_length + other_length).clamp_min(torch.finfo(own.dtype).tiny)
    bias = (own_length / both).clamp_max(LARGEST_BIAS)
    ahead = scale_each(points + OVERSHOOT * own, 1 - bias) + scale_each(origins + OVERSHOOT * from_origin, bias)
    return ahead.clamp(threat.box.low, threat.box.high)


def _wide(chosen: Tensor, like: Tensor) -> Tensor:
    """(M,) as (M, 1, ...), to choose whole images."""
    return chosen.view(-1, *(1,) * (like.dim() - 1))
