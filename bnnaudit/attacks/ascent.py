"""The one ascent loop: start, judge, choose b, step, project. FGSM, PGD and their ++ variants are settings of it.

Every iterate is judged, the start and the last one included. An image that is fooled leaves the batch and costs nothing
more; for each image the first success is kept, else the iterate of the smallest margin. (Without `stop_at_success`, as a
transfer attack wants it, images stay to the end and the iterate of the smallest margin is kept.)

Where only pixels of so many bits count, the iterates go on as they are, but what is judged and differentiated at is their
rounding; the last steps go from grid value to grid value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import torch
from torch import Tensor

from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored, ascent_direction, grid_step, project, random_start
from bnnaudit.attacks.ledger import Ledger
from bnnaudit.core.attack import AttackSettings, ErrorSignal, LossKind
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.numerics import losses, norms

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
    ledger = Ledger.blank(batch)
    climb = _Climb(settings, context, step_sizes, ledger)
    goals, cost = None, Cost()
    if settings.loss.targeted:
        with torch.no_grad():
            goals = losses.ranked_others(context.logits(batch.images), batch.labels)
        cost += Cost(forwards=len(batch))
    for index in range(rounds(settings)):
        rows = ledger.standing
        if len(rows) == 0:
            break
        goal = None if goals is None else goals[rows, (index // settings.restarts) % goals.shape[1]]
        start = None if starts is None else starts[rows]
        cost += climb.run(batch.select(rows), rows, index, start, goal)
    return ledger.outcome(cost)


@dataclass(frozen=True, slots=True)
class _Climb:
    """One round on some of the images, whose results go into the ledger."""

    settings: AttackSettings
    context: Context
    step_sizes: Sequence[float]
    ledger: Ledger

    def run(self, batch: Batch, rows: Tensor, index: int, points: Tensor | None, goals: Tensor | None) -> Cost:
        """Climbs from `points` (M, ...) or the random start of this round; `rows` (M,) are places in the ledger."""
        settings, steps = self.settings, len(self.step_sizes)
        temperature = self.context.temperature
        origins, labels = batch.images, batch.labels
        if points is None:
            points = random_start(batch, self.context.threat, settings, self.context.seed, index)
        betas = torch.ones(len(rows), device=points.device)
        memory, cost = torch.zeros_like(points), Cost()
        for step in range(steps + 1):
            here, target = as_stored(points, origins, self.context.threat), self.context.at(step, steps)
            inputs = here.detach().requires_grad_(step < steps)
            with torch.set_grad_enabled(step < steps):
                logits = target.logits(inputs)
            values = logits.detach()
            verdict = self.context.judged(here) if self.context.relaxed and step < steps else values
            cost += Cost(forwards=len(here) * (1 if verdict is values else 2))
            standing = self.ledger.judge(rows, here, verdict, labels, step)
            if not settings.stop_at_success:
                standing = torch.ones_like(standing)
            remaining = int(standing.sum())
            spared = (len(rows) - remaining) * (steps - step + steps * (rounds(settings) - 1 - index))
            self.context.on_progress(spared + (remaining if step < steps else 0))
            if step == steps:
                break
            if remaining == 0:
                break
            if step == 0:
                betas, spent = temperature.at_start(target, here, values, labels)
                cost += spent
            current = temperature.at_step(betas, values, labels)
            self.ledger.betas[rows] = current.float()
            signal = error_signal(settings, values, labels, current, goals)
            (gradients,) = torch.autograd.grad(logits, inputs, signal * standing[:, None])
            cost += Cost(backwards=len(here))
            memory = self._remembered(memory, gradients)
            points = self._moved(points, here, memory, origins, step)
            if remaining < len(rows):
                rows, points, origins, memory = rows[standing], points[standing], origins[standing], memory[standing]
                labels, betas = labels[standing], betas[standing]
                goals = None if goals is None else goals[standing]
        return cost

    def _remembered(self, memory: Tensor, gradients: Tensor) -> Tensor:
        """The gradients with what is left of the earlier ones, each image's at unit mean size ([Dong et al. 2018])."""
        if self.settings.momentum == 0:
            return gradients
        return self.settings.momentum * memory + norms.unit_mean(gradients)

    def _moved(self, points: Tensor, here: Tensor, gradients: Tensor, origins: Tensor, step: int) -> Tensor:
        """One step up, and back into ball and box; from what was judged, `here`, where it is a step on the grid."""
        threat, steps = self.context.threat, len(self.step_sizes)
        step_size = self.step_sizes[step] * threat.box.width
        if threat.image_bits is not None and step >= steps - min(GRID_STEPS, steps // 4):
            return grid_step(here, gradients, origins, step_size, threat, self.settings)
        direction = ascent_direction(gradients, threat, self.settings)
        return project(points + direction * step_size, origins, threat, self.settings)


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
