"""PGD: projected steps from a random start ([Madry et al. 2018])."""

from __future__ import annotations

from torch import Tensor

from bnnaudit.attacks.context import Context
from bnnaudit.attacks.gradient.ascent import ascend
from bnnaudit.core.attack import Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.threat import Norm, Threat


def default_step_size(threat: Threat) -> float:
    """[Gupta & Ajanthan 2022]'s proportions for CIFAR-10: a quarter of the radius for L-inf, an eighth for L2."""
    return threat.eps / {Norm.LINF: 4, Norm.L2: 8}[threat.norm]


def attack(settings: Pgd, context: Context, batch: Batch, starts: Tensor | None = None) -> Outcome:
    """`settings.steps` steps, in each of `settings.restarts` restarts, for each class that a targeted loss goes for.

    From `starts` (N, ...), or from random points; steps shrink to `settings.final_step` of the first one.
    """
    first = default_step_size(context.threat) if settings.step_size is None else settings.step_size
    last = max(1, settings.steps - 1)
    step_sizes = [first * settings.final_step ** (step / last) for step in range(settings.steps)]
    return ascend(settings, context, batch, step_sizes, starts)
