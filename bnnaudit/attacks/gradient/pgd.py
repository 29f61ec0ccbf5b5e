"""FGSM and PGD: one projected step, or several, from a random start ([Goodfellow et al. 2015], [Madry et al. 2018])."""

from __future__ import annotations

from torch import Tensor

from bnnaudit.attacks.context import Context
from bnnaudit.attacks.gradient.ascent import ascend
from bnnaudit.core.attack import Climb
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome


def attack(settings: Climb, context: Context, batch: Batch, starts: Tensor | None = None) -> Outcome:
    """`settings.steps` steps, in each of `settings.restarts` restarts, for each class that a targeted loss goes for.

    From `starts` (N, ...), or from random points, as [Gupta & Ajanthan 2022] start FGSM as well; steps shrink to
    `settings.final_step` of the first one.
    """
    first, last = settings.first_step(context.threat), max(1, settings.steps - 1)
    step_sizes = [first * settings.final_step ** (step / last) for step in range(settings.steps)]
    return ascend(settings, context, batch, step_sizes, starts)
