"""The one ascent loop: start, judge, choose b, step, project. FGSM, PGD and their ++ variants are settings of it.

Every iterate is judged, the start and the last one included. Images that are fooled leave the batch and cost nothing
more; for each image the first success is kept, else the iterate of the smallest margin. (Without `stop_at_success`, as a
transfer attack wants it, images stay to the end and the iterate of the smallest margin is kept.) An image whose error signal
underflows to zero, as saturated logits make it, will not move again: it rests until the next restart.

Where only pixels of so many bits count, the iterates go on as they are, but what is judged and differentiated at is their
rounding; the last steps go from grid value to grid value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar, ImageState, runs_ahead
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored, ascent_direction, grid_step, project, random_start
from bnnaudit.attacks.rounds import Round, ranked_goals, rounds_of
from bnnaudit.core.attack import Climb, ErrorSignal, LossKind
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics import losses, norms

WORTH_LEAVING = 8
"""Images that are done leave once they are an eighth of the batch, for libraries prepare anew for each batch size. Not tuned; it
changes no result."""
STEPS_BETWEEN_COUNTS = 5
"""Steps between two looks at which images are done where the device runs ahead, for looking makes it wait. Not tuned; it
changes no result."""
GRID_STEPS = 5
"""Steps at the end of a climb, at most a quarter of it, that are whole grid units where only grid values count. Not tuned."""

LOSSES: Mapping[LossKind, Callable[..., Tensor]] = {
    LossKind.DLR: losses.dlr_loss,
    LossKind.MARGIN: losses.margin_loss,
    LossKind.DLR_TARGETED: losses.targeted_dlr_loss,
    LossKind.MARGIN_TARGETED: losses.targeted_margin_loss,
}
"""The losses that no temperature changes, of logits and labels, and of the goals where they are targeted."""


def ascend(
    settings: Climb, context: Context, batch: Batch, step_sizes: Sequence[float], starts: Tensor | None = None
) -> Outcome:
    """Attacks N images with one step for each of `step_sizes`, which are in units of the [0,1] image.

    Climbs from `starts` (N, ...) in every round, from random points where there are none. A targeted loss goes for the
    classes in the order of their logits at the original image. The batch and the target are left as they were.
    """
    best = BestSoFar.blank(batch)
    climb = _Climb(settings, context, step_sizes, best)
    goals, cost = ranked_goals(settings, context, batch)
    for each in rounds_of(settings, context, batch, best, goals, len(step_sizes)):
        cost += climb.run(each, None if starts is None else starts[each.rows])
    return best.outcome(cost)


@dataclass(slots=True)
class _Climbers(ImageState):
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
    def at(cls, points: Tensor, each: Round, threat: Threat) -> _Climbers:
        """Everyone, at the start."""
        rows, batch = each.rows, each.batch
        everyone = torch.ones_like(rows, dtype=torch.bool)
        betas, box = torch.ones(len(rows), device=rows.device), threat.box
        linf = threat.norm is Norm.LINF
        bounds = norms.linf_bounds(batch.images, threat.radius, box.low, box.high) if linf else None
        return cls(rows, points, batch.images, batch.labels, each.goals, everyone, everyone, betas, bounds)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class _Climb:
    """One round on some of the images, whose results go into the best."""

    settings: Climb
    context: Context
    step_sizes: Sequence[float]
    best: BestSoFar

    def run(self, each: Round, points: Tensor | None) -> Cost:
        """Climbs from `points` (M, ...), or from the random start of this round where there are none.

        Images that are fooled or rest leave together, once they are worth the copy of the others; nothing else waits for
        the device.
        """
        settings, context, steps = self.settings, self.context, len(self.step_sizes)
        if points is None:
            points = random_start(each.batch, context.threat, context.seed, each.index)
        on = _Climbers.at(points, each, context.threat)
        reported, cost = 0, Cost()
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
            counted = last or not runs_ahead(points.device) or step % STEPS_BETWEEN_COUNTS == 0
            if counted:
                remaining = int(on.standing.sum())
                done = (len(each.rows) - remaining) * steps + remaining * min(step + 1, steps)
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
                remaining = int(on.standing.sum())
                if remaining == 0:
                    context.on_progress(len(each.rows) * steps - reported)
                    break
            (gradients,) = torch.autograd.grad(logits, inputs, signal)
            gradients = norms.finite_gradients(gradients)
            cost += Cost(backwards=len(on))
            on.memory = self._remembered(on.memory, gradients)
            on.points = self._moved(on, here, step)
            if (len(on) - remaining) * WORTH_LEAVING >= len(on):
                on = on.kept(on.standing.nonzero().squeeze(1))
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
            return grid_step(here, on.memory, on.origins, step_size, threat)
        if on.bounds is None:
            ahead = on.points + ascent_direction(on.memory, threat) * step_size
            return project(ahead, on.origins, threat)
        # In place, for images are most of what the loop itself moves.
        ahead = ascent_direction(on.memory, threat).mul_(step_size).add_(on.points)
        return torch.clamp(ahead, *on.bounds, out=ahead)


def error_signal(settings: Climb, logits: Tensor, labels: Tensor, betas: Tensor, goals: Tensor | None = None) -> Tensor:
    """d loss / d logits (M, d), up to a positive factor for each image where the settings ask for the exact direction.

    goals (M,): the classes that a targeted loss goes for.
    """
    if settings.loss is LossKind.CROSS_ENTROPY:
        exact = settings.signal is ErrorSignal.EXACT
        signal = losses.exact_cross_entropy_signal if exact else losses.cross_entropy_signal
        return signal(logits, labels, betas)
    return losses.signal_of(LOSSES[settings.loss], logits, labels, *(() if goals is None else (goals,)))
