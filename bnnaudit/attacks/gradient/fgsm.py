"""FGSM: one step of the full radius from a random start ([Goodfellow et al. 2015], started as in [Gupta & Ajanthan 2022])."""

from __future__ import annotations

from bnnaudit.attacks.context import Context
from bnnaudit.attacks.gradient.ascent import ascend
from bnnaudit.core.attack import Fgsm
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.threat import Threat


def default_step_size(threat: Threat) -> float:
    """The whole radius."""
    return threat.eps


def attack(settings: Fgsm, context: Context, batch: Batch) -> Outcome:
    """One step in each round."""
    step_size = default_step_size(context.threat) if settings.step_size is None else settings.step_size
    return ascend(settings, context, batch, [step_size])
