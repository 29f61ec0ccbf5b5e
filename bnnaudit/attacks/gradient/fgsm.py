"""FGSM: one step of the full radius from a random start ([Goodfellow et al. 2015], started as in [Gupta & Ajanthan 2022])."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.attacks.context import Context
from bnnaudit.attacks.gradient.ascent import ascend, rounds
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.threat import Threat


def default_step_size(threat: Threat) -> float:
    """The whole radius."""
    return threat.eps


def image_steps(settings: AttackSettings) -> int:
    """One step in each round."""
    return rounds(settings)


def attack(settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
    """One step, whatever `settings.steps` says."""
    step_size = default_step_size(context.threat) if settings.step_size is None else settings.step_size
    return ascend(replace(settings, steps=1), context, batch, [step_size])
