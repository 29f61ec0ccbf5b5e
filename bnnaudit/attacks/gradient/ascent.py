"""The one ascent loop: start, judge, choose b, step, project. FGSM, PGD and their ++ variants are settings of it.

Every iterate is judged, the start and the last one included. Images that are fooled leave the batch and cost nothing
more; for each image the first success is kept, else the iterate of the smallest margin. (Without `stop_at_success`, as a
transfer attack wants it, images stay to the end and the iterate of the smallest margin is kept.) An image whose error signal
underflows to zero, as saturated logits make it, will not move again: it rests until the next restart.

Where only pixels of so many bits count, the iterates go on as they are, but what is judged and differentiated at is their
rounding; the last steps go from grid value to grid value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import assert_never

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar, runs_ahead
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored, ascent_direction, grid_step, project, random_start
from bnnaudit.core.attack import AttackSettings, ErrorSignal, LossKind
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics import losses, norms

WORTH_LEAVING = 8
"""Fallen images leave once they are an eighth of the batch: each size of a batch has to be prepared for by the libraries."""
STEPS_BETWEEN_COUNTS = 5
"""Steps before images that fell may leave where the device runs ahead, for counting them makes it wait."""
GRID_STEPS = 5
"""Steps at the end of a climb, at most a quarter of it, that are whole grid units where only grid values count."""


def rounds(settings: AttackSettings) -> int:
    """How often the loop climbs from a start: once a restart, and for a targeted loss once a class as well."""
    return settings.restarts * (settings.targets if settings.loss.targeted else 1)


def ascend(
    settings: AttackSettings,
    context: Context,
    batch: Batch,
    step_sizes: Sequence[float],
    starts: Tensor | None = None,
) -> Outcome:
    """Attacks N images with one step for each of `step_sizes`, which are in units of the [0,1] image.

    Climbs from `starts` (N, ...) in every round, from random points where there are none. A targeted loss goes for the
    classes in the order of their logits at the original image. The batch and the target are left as they were.
    """
    best = BestSoFar.blank(batch)
    climb = _Climb(settings, context, step_sizes, best)
    goals, cost = None, Cost()
    if settings.loss.targeted:
        with torch.no_grad():
            goals = losses.ranked_others(context.logits(batch.images), batch.labels)
        cost += Cost(forwards=len(batch))
    taking_part = len(batch)
    for index in range(rounds(settings)):
        rows = best.standing
        if not settings.stop_at_success:
            # Images that stayed to the end of a round although they were fooled are spared the later ones.
            context.on_progress((taking_part - len(rows)) * len(step_sizes) * (rounds(settings) - index))
            taking_part = len(rows)
        if len(rows) == 0 or (index > 0 and context.deadline.passed):
            break
        goal = None if goals is None else goals[rows, (index // settings.restarts) % goals.shape[1]]
        start = None if starts is None else starts[rows]
        cost += climb.run(batch.select(rows), rows, index, start, goal)
    return best.outcome(cost)


@dataclass(slots=True)
class _Climbers:
    """M images on their way: their places in the best (M,), where they are, whence, and what the loop knows of them.

    goals (M,): the classes that a targeted loss goes for. standing (M,) bool: those that go on; moving (M,) bool: those that
    did at the last judgement. betas (M,): chosen at the start. bounds, (M, ...) each: of every pixel, for L-inf. memory
    (M, ...): the gradients that count.
    """

    rows: Tensor
    points: Tensor
    origins: Tensor
    labels: Tensor
    goals: Tensor | None
    standing: Tensor
    moving: Tensor
    betas: Tensor
    bounds: tuple[Tensor, Tensor] | None
    memory: Tensor | None = None

    @classmethod
    def at(cls, rows: Tensor, points: Tensor, batch: Batch, goals: Tensor | None, threat: Threat) -> _Climbers:
        """Everyone, at the start."""
        everyone = torch.ones_like(rows, dtype=torch.bool)
        betas, box = torch.ones(len(rows), device=rows.device), threat.box
        linf = threat.norm is Norm.LINF
        bounds = norms.linf_bounds(batch.images, threat.radius, box.low, box.high) if linf else None
        return cls(rows, points, batch.images, batch.labels, goals, everyone, everyone, betas, bounds)

    def __len__(self) -> int:
        return len(self.rows)

    def leave(self) -> None:
        """Those that do not go on leave."""
        kept = self.standing.nonzero().squeeze(1)
        for field in fields(self):
            match getattr(self, field.name):
                case Tensor() as value:
                    setattr(self, field.name, value[kept])
                case (Tensor() as lower, Tensor() as upper):
                    self.bounds = lower[kept], upper[kept]


@dataclass(frozen=True, slots=True)
class _Climb:
    """One round on some of the images, whose results go into the best."""

    settings: AttackSettings
    context: Context
    step_sizes: Sequence[float]
    best: BestSoFar

    def run(self, batch: Batch, rows: Tensor, index: int, points: Tensor | None, goals: Tensor | None) -> Cost:
        """Climbs from `points` (M, ...) or the random start of this round; `rows` (M,) are places in the best.

        Images that fell or rest leave together, once they are worth the copy of the others; nothing else waits for the device.
        """
        settings, context, steps = self.settings, self.context, len(self.step_sizes)
        if points is None:
            points = random_start(batch, context.threat, settings, context.seed, index)
        on = _Climbers.at(rows, points, batch, goals, context.threat)
        reported, rested, cost = 0, 0, Cost()
        for step in range(steps + 1):
            last = step == steps or context.deadline.passed
            here = as_stored(on.points, on.origins, context.threat)
            target = context.target if last else context.at(step, steps)
            inputs = here.detach().requires_grad_(not last)
            with torch.set_grad_enabled(not last):
                logits = target.logits(inputs)
            values = logits.detach()
            cost += Cost(forwards=len(on)) + self._judge(on, here, values, step, last)
            remaining = len(on)
            counted = last or not runs_ahead(rows.device) or step % STEPS_BETWEEN_COUNTS == 0
            if counted:
                remaining = int(on.standing.sum())
                fallen = len(rows) - remaining - rested
                done = (fallen * (rounds(settings) - index) + rested) * steps + remaining * min(step + 1, steps)
                context.on_progress(done - reported)
                reported = done
            if last or remaining == 0:
                break
            if step == 0:
                on.betas, spent = context.temperature.at_start(target, here, values, on.labels)
                cost += spent
            betas = context.temperature.at_step(on.betas, values, on.labels)
            if step == 0 or betas is not on.betas:
                self.best.betas[on.rows] = torch.where(on.moving, betas.float(), self.best.betas[on.rows])
            signal = error_signal(settings, values, on.labels, betas, on.goals)
            if counted and self._may_rest:
                idle = on.standing & ~signal.any(dim=1)
                on.standing = on.standing & ~idle
                rested, remaining = rested + int(idle.sum()), int(on.standing.sum())
                if remaining == 0:
                    context.on_progress((fallen * (rounds(settings) - index) + rested) * steps - reported)
                    break
            (gradients,) = torch.autograd.grad(logits, inputs, signal)
            gradients = norms.finite_gradients(gradients)
            cost += Cost(backwards=len(on))
            on.memory = self._remembered(on.memory, gradients)
            on.points = self._moved(on, here, step)
            if (len(on) - remaining) * WORTH_LEAVING >= len(on):
                on.leave()
        return cost

    @property
    def _may_rest(self) -> bool:
        """Whether nothing moves an image without an error signal, and that signal will be what it was."""
        return self.settings.momentum == 0 and not self.context.relaxed

    def _judge(self, on: _Climbers, here: Tensor, logits: Tensor, step: int, last: bool) -> Cost:
        """Enters the points `here` (M, ...) with their logits (M, d); what else it cost where those are a smooth network's.

        last: they are the network's own.
        """
        onward, cost = not self.settings.stop_at_success, Cost()
        if self.context.relaxed and not last:
            logits, cost = self.context.judged(here), Cost(forwards=len(on))
        stands = self.best.judge(on.rows, here, logits, on.labels, step, onward)
        on.moving = on.standing
        if not onward:
            on.standing = on.standing & stands
        return cost

    def _remembered(self, memory: Tensor | None, gradients: Tensor) -> Tensor:
        """The gradients with what is left of the earlier ones, each image's at unit mean size ([Dong et al. 2018])."""
        if self.settings.momentum == 0:
            return gradients
        fresh = norms.unit_mean(gradients)
        return fresh if memory is None else self.settings.momentum * memory + fresh

    def _moved(self, on: _Climbers, here: Tensor, step: int) -> Tensor:
        """One step up, and back into ball and box; from what was judged, `here`, where it is a step on the grid."""
        assert on.memory is not None
        threat, steps = self.context.threat, len(self.step_sizes)
        step_size = self.step_sizes[step] * threat.box.width
        if threat.discrete and step >= steps - min(GRID_STEPS, steps // 4):
            return grid_step(here, on.memory, on.origins, step_size, threat, self.settings)
        if on.bounds is None:
            ahead = on.points + ascent_direction(on.memory, threat, self.settings) * step_size
            return project(ahead, on.origins, threat, self.settings)
        # In place, for images are most of what the loop itself moves.
        ahead = ascent_direction(on.memory, threat, self.settings).mul_(step_size).add_(on.points)
        return torch.clamp(ahead, *on.bounds, out=ahead)


def error_signal(
    settings: AttackSettings, logits: Tensor, labels: Tensor, betas: Tensor, goals: Tensor | None = None
) -> Tensor:
    """d loss / d logits (M, d), up to a positive factor for each image where the settings ask for the exact direction.

    goals (M,): the classes that a targeted loss goes for.
    """
    match settings.loss:
        case LossKind.CROSS_ENTROPY:
            exact = settings.signal is ErrorSignal.EXACT
            signal = losses.exact_cross_entropy_signal if exact else losses.cross_entropy_signal
            return signal(logits, labels, betas)
        case LossKind.DLR:
            return losses.signal_of(losses.dlr_loss, logits, labels)
        case LossKind.MARGIN:
            return losses.signal_of(losses.margin_loss, logits, labels)
        case LossKind.DLR_TARGETED:
            assert goals is not None
            return losses.signal_of(losses.targeted_dlr_loss, logits, labels, goals)
        case LossKind.MARGIN_TARGETED:
            assert goals is not None
            return losses.signal_of(losses.targeted_margin_loss, logits, labels, goals)
        case _:
            assert_never(settings.loss)
