"""DeepFool: again and again to the nearest of the linearised decision boundaries ([Moosavi-Dezfooli et al. 2016]).

It looks for the smallest perturbation, wherever that leads, and knows no radius: the search ends at the first iterate that
fools the network. That one counts where it lies inside the ball; else what it becomes when it is drawn back into the ball.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.boundary.boundary import Boundary, settle
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import lengths_of
from bnnaudit.core.attack import DeepFool
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Norm
from bnnaudit.numerics import losses
from bnnaudit.numerics.norms import scale_each, unit_direction_l2

OVERSHOOT = 0.02
"""How much further than to the boundary, relative to the whole perturbation: the paper's eta."""
LEAST_STEP = 1e-4
"""Added to the distance of each step, in units of the [0,1] image: on the boundary itself there would be no step at all.
Not tuned."""


def attack(settings: DeepFool, context: Context, batch: Batch) -> Outcome:
    """At most `settings.steps` steps from the image itself, each to the nearest of its `settings.targets` likeliest others."""
    threat, box, steps = context.threat, context.threat.box, settings.steps
    best, cost = BestSoFar.blank(batch), Cost()
    rows = torch.arange(len(batch), device=batch.images.device)
    points, shifts = batch.images, torch.zeros_like(batch.images)
    goals = batch.labels[:, None]
    for step in range(steps + 1):
        points = points.detach().requires_grad_(step < steps)
        with torch.set_grad_enabled(step < steps):
            logits = context.target.logits(points)
        values, here = logits.detach(), points.detach()
        cost += Cost(forwards=len(rows))
        if step == 0:
            goals = losses.ranked_others(values, batch.labels)[:, : settings.targets]
        origins, labels = batch.images[rows], batch.labels[rows]
        inside = lengths_of(here - origins, threat) <= threat.radius
        best.judge(rows[inside], here[inside], values[inside], labels[inside], step)
        ended = values.argmax(dim=1) != labels
        if step == steps:
            ended = torch.ones_like(ended)
        else:
            boundary = Boundary.nearest(logits, points, labels, goals[rows], threat.norm)
            cost += Cost(backwards=len(rows) * goals.shape[1])
            ended = ended | ~boundary.distances.isfinite()
            context.on_progress(int((~ended).sum()) + int(ended.sum()) * (steps - step))
        outside = ended & ~inside
        cost += settle(context, batch.select(rows[outside]), here[outside], rows[outside], best, step)
        if bool(ended.all()):
            break
        going = ~ended
        shifts = (shifts + _step(boundary, threat.norm, LEAST_STEP * box.width))[going]
        rows = rows[going]
        points = (batch.images[rows] + (1 + OVERSHOOT) * shifts).clamp(box.low, box.high)
    return best.outcome(cost)


def _step(boundary: Boundary, norm: Norm, least: float) -> Tensor:
    """The shortest step to the linearised boundary, `least` longer (M, ...); none where there is no gradient."""
    lengths = boundary.distances.nan_to_num(posinf=0.0) + least
    directions = boundary.normals.sign() if norm is Norm.LINF else unit_direction_l2(boundary.normals)
    return scale_each(directions, lengths)
