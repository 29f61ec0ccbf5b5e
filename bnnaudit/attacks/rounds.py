"""The rounds of an attack that starts several times: once a restart, and for a targeted loss once a class as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.context import Context
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost
from bnnaudit.numerics import losses


@dataclass(frozen=True, slots=True)
class Round:
    """One start of M images: its number, the images with their places in the whole batch (M,), and the class that each goes for.

    goals (M,): None where the loss is not targeted.
    """

    index: int
    batch: Batch
    rows: Tensor
    goals: Tensor | None


def ranked_goals(settings: AttackSettings, context: Context, batch: Batch) -> tuple[Tensor | None, Cost]:
    """The classes (N, d - 1) that a targeted loss goes for, in the order of their logits at the image, and what that cost."""
    if not settings.loss.targeted:
        return None, Cost()
    return losses.ranked_others(context.judged(batch.images), batch.labels), Cost(forwards=len(batch))


def rounds_of(
    settings: AttackSettings, context: Context, batch: Batch, best: BestSoFar, goals: Tensor | None, steps: int
) -> Iterator[Round]:
    """The rounds on what still stands; of an image that does not, all `steps` of the later rounds are reported as done.

    goals (N, K): as `ranked_goals` gives them. After the deadline no further round begins.
    """
    for index in range(settings.rounds):
        if index > 0 and context.deadline.passed:
            return
        rows = best.standing
        context.on_progress((len(batch) - len(rows)) * steps)
        if len(rows):
            goal = None if goals is None else goals[rows, (index // settings.restarts) % goals.shape[1]]
            yield Round(index, batch.select(rows), rows, goal)
