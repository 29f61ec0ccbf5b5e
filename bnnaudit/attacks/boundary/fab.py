"""FAB: the smallest perturbation by steps onto linearised boundaries that keep close to the original ([Croce & Hein 2020b]).

An iterate moves to a point between two projections onto the same linearised boundary, its own and the original's, both
exact inside the box; where it has crossed the true boundary it takes a step back towards the original and goes on. The
untargeted attack goes for the nearest boundary of the likeliest classes, the targeted one for one class after the other, at
one backward pass per step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.boundary.boundary import Boundary, settle, step_onto
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import lengths_of, random_start, whole_lengths
from bnnaudit.attacks.rounds import Round, rounds_of
from bnnaudit.core.attack import Fab
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Threat
from bnnaudit.numerics import losses
from bnnaudit.numerics.norms import per_image, scale_each

LARGEST_BIAS = 0.1
"""The most that an iterate leans towards the original's own projection (the paper's alpha_max)."""
OVERSHOOT = 1.05
"""How far a step goes, 1 being the linearised boundary (the paper's eta)."""
STEP_BACK = 0.9
"""The part of the perturbation that is left after a step back (the paper's beta)."""


def attack(settings: Fab, context: Context, batch: Batch) -> Outcome:
    """`settings.steps` steps in each restart; the first starts from the image itself, the others from random points near it.

    Goes for `settings.targets` classes, the likeliest first: for one of them a round where the loss is targeted, else for the
    nearest. What the loss is makes no other difference.
    """
    best = BestSoFar.blank(batch)
    logits = context.judged(batch.images)
    best.judge(best.standing, batch.images, logits, batch.labels, 0)
    goals = losses.ranked_others(logits, batch.labels)
    cost = Cost(forwards=len(batch))
    targeted = goals if settings.loss.targeted else None
    for each in rounds_of(settings, context, batch, best, targeted, settings.steps):
        chosen = goals[each.rows, : settings.targets] if each.goals is None else each.goals[:, None]
        cost += _search(settings, context, each, chosen, best)
    return best.outcome(cost)


def _search(settings: Fab, context: Context, each: Round, goals: Tensor, best: BestSoFar) -> Cost:
    """One round of M images near the boundaries with the classes goals (M, T), whose results go into the best."""
    batch, rows = each.batch, each.rows
    steps = settings.steps
    points = _start(settings, context, each)
    closest, shortest = batch.images, torch.full((len(rows),), float("inf"), device=points.device)
    cost = Cost()
    for step in range(1, steps + 1):
        points = points.detach().requires_grad_()
        logits = context.target.logits(points)
        boundary = Boundary.nearest(logits, points, batch.labels, goals, context.threat.norm)
        points = _moved(points.detach(), batch.images, boundary, context.threat)
        values = context.judged(points)
        cost += Cost(forwards=2 * len(points), backwards=goals.numel())
        lengths = lengths_of(points - batch.images, context.threat)
        inside = lengths <= context.threat.radius
        best.judge(rows[inside], points[inside], values[inside], batch.labels[inside], step)
        crossed = values.argmax(dim=1) != batch.labels
        nearer = crossed & (lengths < shortest)
        closest = torch.where(per_image(nearer, points), points, closest)
        shortest = torch.where(nearer, lengths, shortest)
        points = torch.where(per_image(crossed, points), batch.images + STEP_BACK * (points - batch.images), points)
        going = ~(crossed & inside)
        context.on_progress(int(going.sum()) + int((~going).sum()) * (steps - step + 1))
        if not bool(going.all()):
            batch, rows, goals, points = batch.select(going), rows[going], goals[going], points[going]
            closest, shortest = closest[going], shortest[going]
        if len(rows) == 0:
            break
    found = shortest.isfinite()
    return cost + settle(context, batch.select(found), closest[found], rows[found], best, steps)


def _start(settings: Fab, context: Context, each: Round) -> Tensor:
    """The image itself, in a restart a point drawn from the ball of half the radius around it."""
    if each.index % settings.restarts == 0:
        return each.batch.images
    return (each.batch.images + random_start(each.batch, context.threat, context.seed, each.index)) / 2


def _moved(points: Tensor, origins: Tensor, boundary: Boundary, threat: Threat) -> Tensor:
    """One step: between the projections of iterate and original, the nearer the one is the more of it (M, ...)."""
    # The same hyperplane as seen from the original: its distance changes by the normal's product with the way between.
    back = (boundary.normals * (points - origins)).flatten(1).sum(dim=1)
    own = step_onto(boundary, points, boundary.rises, threat)
    from_origin = step_onto(boundary, origins, boundary.rises + back, threat)
    own_length, other_length = whole_lengths(own, threat.norm), whole_lengths(from_origin, threat.norm)
    both = (own_length + other_length).clamp_min(torch.finfo(own.dtype).tiny)
    bias = (own_length / both).clamp_max(LARGEST_BIAS)
    ahead = scale_each(points + OVERSHOOT * own, 1 - bias) + scale_each(origins + OVERSHOOT * from_origin, bias)
    return ahead.clamp(threat.box.low, threat.box.high)
