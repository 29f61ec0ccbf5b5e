"""FGSM: one step of the full radius from a random start ([Goodfellow et al. 2015], started as in [G22])."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bnnaudit.attacks.ascent import ascend
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.temperature import Temperature


def default_step_size(threat: Threat) -> float:
    """The whole radius."""
    return threat.eps


def attack(
    settings: AttackSettings,
    target: Target,
    batch: Batch,
    threat: Threat,
    temperature: Temperature,
    seed: int,
    on_progress: Callable[[int], None],
) -> Outcome:
    """One step, whatever `settings.steps` says."""
    step_size = default_step_size(threat) if settings.step_size is None else settings.step_size
    return ascend(target, batch, threat, replace(settings, steps=1), step_size, temperature, seed, on_progress)
