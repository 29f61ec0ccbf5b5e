"""Attacks on a target. The table maps each method to what runs it; all of them are settings of the one ascent loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bnnaudit.attacks import fgsm, pgd
from bnnaudit.core.attack import AttackSettings, Method
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.quantization.quantizers import with_surrogate
from bnnaudit.temperature import Temperature, fit_temperature


@dataclass(frozen=True, slots=True)
class MethodEntry:
    """How a method runs, and the step it takes where the settings name none."""

    attack: Callable[[AttackSettings, Target, Batch, Threat, Temperature, int, Callable[[int], None]], Outcome]
    default_step_size: Callable[[Threat], float]


METHODS: Mapping[Method, MethodEntry] = {
    Method.FGSM: MethodEntry(fgsm.attack, fgsm.default_step_size),
    Method.PGD: MethodEntry(pgd.attack, pgd.default_step_size),
}


def run_attack(
    settings: AttackSettings,
    target: Target,
    batch: Batch,
    threat: Threat,
    seed: int,
    calibration: Batch | None = None,
    batch_size: int = 256,
    on_progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Attacks `batch` with `settings`, through the surrogate that they name, `batch_size` images at a time.

    `calibration` holds the images on which a temperature common to all is estimated, the batch itself where it is None;
    pass the whole sample when the batch is a part of it, so that the result does not depend on the parts. `on_progress`
    is told of len(batch) x steps x restarts image-steps in all.
    """
    chosen = replace(target, network=with_surrogate(target.network, settings.surrogate))
    temperature = fit_temperature(settings.beta, chosen, calibration or batch)
    attack = METHODS[settings.method].attack
    outcomes = []
    for start in range(0, len(batch), batch_size):
        part = batch.select(slice(start, start + batch_size))
        outcomes.append(attack(settings, chosen, part, threat, temperature, seed, on_progress or _ignored))
    return Outcome.joined(outcomes, batch.images)


def _ignored(image_steps: int) -> None:
    """Nobody listens."""


def step_size_of(settings: AttackSettings, threat: Threat) -> float:
    """The step that an attack takes against this threat, in units of the [0,1] image."""
    return METHODS[settings.method].default_step_size(threat) if settings.step_size is None else settings.step_size


__all__ = ["METHODS", "MethodEntry", "run_attack", "step_size_of"]
