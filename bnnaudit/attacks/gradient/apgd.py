"""APGD: steps with momentum whose size is halved, image by image, where they no longer pay ([Croce & Hein 2020a], AutoAttack).

The only free choice is the number of steps: at checkpoints, which come the closer together the later it is, an image whose
loss rose too rarely, or whose best loss and step size stayed as they were, halves its step and goes back to its best point.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar, ImageState, lower
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored, ascent_direction, project, random_start
from bnnaudit.attacks.gradient.ascent import LOSSES, error_signal
from bnnaudit.attacks.rounds import Round, ranked_goals, rounds_of
from bnnaudit.core.attack import Apgd, LossKind
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Threat
from bnnaudit.numerics import losses
from bnnaudit.numerics.norms import finite_gradients, per_image, scale_each

MOMENTUM = 0.75
"""Weight of the new step; the last movement has the rest (the paper's alpha)."""
ENOUGH_RISES = 0.75
"""Fraction of the steps since the last checkpoint in which the loss must have risen (the paper's rho)."""


def checkpoints(steps: int) -> tuple[int, ...]:
    """The steps after which step sizes are looked at, 0 the first: at 0, 22, 41, 57 ... % of the way, 6 % apart at the end.

    Whole percentages: the rule p_(j+1) = p_j + max(p_j - p_(j-1) - 3 %, 6 %) in floating point would be off by one in places.
    """
    percents = [0, 22]
    while percents[-1] < 100:
        percents.append(percents[-1] + max(percents[-1] - percents[-2] - 3, 6))
    return tuple(dict.fromkeys(ceil(percent * steps / 100) for percent in percents if percent <= 100))


@dataclass(slots=True)
class _Track(ImageState):
    """Where M images are and were, and how their steps have paid so far; each field is (M,) or (M, ...).

    points: the iterate at hand, before: the one before it. peak...: the best loss, its point and its direction of ascent.
    rises: steps since the last checkpoint in which the loss rose. settled_peak, halved: the best loss at the last checkpoint,
    and whether the step size was halved there.
    """

    rows: Tensor
    origins: Tensor
    labels: Tensor
    goals: Tensor | None
    betas: Tensor
    points: Tensor
    before: Tensor
    step_sizes: Tensor
    loss: Tensor
    peak: Tensor
    peak_points: Tensor
    peak_directions: Tensor
    rises: Tensor
    settled_peak: Tensor
    halved: Tensor

    @classmethod
    def begin(cls, each: Round, points: Tensor, step_size: float) -> _Track:
        """M images at their starts, of which nothing is known yet."""
        count, device = len(each.rows), points.device
        never = torch.full((count,), float("-inf"), device=device)
        return cls(
            rows=each.rows,
            origins=each.batch.images,
            labels=each.batch.labels,
            goals=each.goals,
            betas=torch.ones(count, device=device),
            points=points,
            before=points,
            step_sizes=torch.full((count,), step_size, device=device),
            loss=never,
            peak=never,
            peak_points=points,
            peak_directions=torch.zeros_like(points),
            rises=torch.zeros(count, device=device),
            settled_peak=never,
            halved=torch.ones(count, dtype=torch.bool, device=device),
        )

    def enter(self, loss: Tensor, directions: Tensor) -> None:
        """The loss (M,) and the direction of ascent (M, ...) of the points at hand."""
        self.rises = self.rises + (lower(-loss, -self.loss) & self.loss.isfinite())
        better = lower(-loss, -self.peak)
        self.peak = torch.where(better, loss, self.peak)
        wide = per_image(better, self.points)
        self.peak_points = torch.where(wide, self.points, self.peak_points)
        self.peak_directions = torch.where(wide, directions, self.peak_directions)
        self.loss = loss

    def settle(self, since: int, directions: Tensor) -> Tensor:
        """A checkpoint `since` steps after the last: halves and restarts where steps no longer pay; directions to go on in."""
        rarely = self.rises < ENOUGH_RISES * since
        stuck = ~self.halved & ~lower(-self.peak, -self.settled_peak)
        halve = rarely | stuck
        wide = per_image(halve, self.points)
        self.step_sizes = torch.where(halve, self.step_sizes / 2, self.step_sizes)
        self.points = torch.where(wide, self.peak_points, self.points)
        self.loss = torch.where(halve, self.peak, self.loss)
        self.settled_peak, self.halved, self.rises = self.peak, halve, torch.zeros_like(self.rises)
        return torch.where(wide, self.peak_directions, directions)

    def move(self, directions: Tensor, threat: Threat, first: bool) -> None:
        """One step along `directions` (M, ...) of unit length, with momentum unless it is the first, into ball and box."""
        ahead = project(self.points + scale_each(directions, self.step_sizes), self.origins, threat)
        if not first:
            drift = MOMENTUM * (ahead - self.points) + (1 - MOMENTUM) * (self.points - self.before)
            ahead = project(self.points + drift, self.origins, threat)
        self.points, self.before = ahead, self.points


def attack(settings: Apgd, context: Context, batch: Batch) -> Outcome:
    """`settings.steps` steps in each of `settings.restarts` restarts, for each class that a targeted loss goes for.

    `settings.step_size` is the size that every image begins with.
    """
    best = BestSoFar.blank(batch)
    goals, cost = ranked_goals(settings, context, batch)
    for each in rounds_of(settings, context, batch, best, goals, settings.steps):
        cost += _climb(settings, context, each, best)
    return best.outcome(cost)


def _climb(settings: Apgd, context: Context, each: Round, best: BestSoFar) -> Cost:
    """One round from a random start."""
    threat, temperature, steps = context.threat, context.temperature, settings.steps
    start = random_start(each.batch, threat, context.seed, each.index)
    track = _Track.begin(each, start, settings.first_step(threat) * threat.box.width)
    looks, last_look, cost = checkpoints(steps), 0, Cost()
    for step in range(steps + 1):
        points = as_stored(track.points, track.origins, threat).detach().requires_grad_(step < steps)
        with torch.set_grad_enabled(step < steps):
            logits = context.at(step, steps).logits(points)
        values = logits.detach()
        cost += Cost(forwards=len(points))
        standing = best.judge(track.rows, points.detach(), values, track.labels, step)
        if step == steps:
            break
        if not settings.stop_at_success:
            standing = torch.ones_like(standing)
        context.on_progress(int(standing.sum()) + int((~standing).sum()) * (steps - step))
        if not bool(standing.any()):
            break
        if step == 0:
            track.betas, spent = temperature.at_start(context.target, points.detach(), values, track.labels)
            cost += spent
        current = temperature.at_step(track.betas, values, track.labels)
        best.betas[track.rows] = current.float()
        signal = error_signal(settings, values, track.labels, current, track.goals)
        (gradients,) = torch.autograd.grad(logits, points, signal * standing[:, None])
        gradients = finite_gradients(gradients)
        cost += Cost(backwards=len(points))
        if not bool(standing.all()):
            track = track.kept(standing)
            gradients, values = gradients[standing], values[standing]
        directions = ascent_direction(gradients, threat)
        track.enter(_objective(settings, values, track), directions)
        if step in looks and step > 0:
            directions = track.settle(step - last_look, directions)
            last_look = step
        track.move(directions, threat, first=step == 0)
    return cost


def _objective(settings: Apgd, logits: Tensor, track: _Track) -> Tensor:
    """What the climb counts as its loss (M,), always at the b of the start, so that two steps can be compared."""
    if settings.loss is LossKind.CROSS_ENTROPY:
        return losses.log_odds_loss(logits, track.labels, track.betas)
    return LOSSES[settings.loss](logits, track.labels, *(() if track.goals is None else (track.goals,)))
