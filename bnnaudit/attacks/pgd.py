"""PGD: projected steps from a random start ([Madry et al. 2018])."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from bnnaudit.attacks.ascent import ascend
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.temperature import Temperature


def default_step_size(threat: Threat) -> float:
    """[G22]'s proportions for CIFAR-10: a quarter of the radius for L-inf, an eighth for L2."""
    match threat.norm:
        case Norm.LINF:
            return threat.eps / 4
        case Norm.L2:
            return threat.eps / 8
        case _:
            assert_never(threat.norm)


def attack(
    settings: AttackSettings,
    target: Target,
    batch: Batch,
    threat: Threat,
    temperature: Temperature,
    seed: int,
    on_progress: Callable[[int], None],
) -> Outcome:
    """`settings.steps` steps, in each of `settings.restarts` restarts."""
    step_size = default_step_size(threat) if settings.step_size is None else settings.step_size
    return ascend(target, batch, threat, settings, step_size, temperature, seed, on_progress)
