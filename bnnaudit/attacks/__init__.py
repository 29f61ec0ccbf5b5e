"""Attacks on a target. The table maps each method to what runs it; FGSM, PGD and their kin are settings of one ascent loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bnnaudit.attacks import fgsm, iprop, pgd
from bnnaudit.attacks.context import Context
from bnnaudit.core.attack import AttackSettings, Method
from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import UsageError
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.quantization.quantizers import with_surrogate
from bnnaudit.temperature import fit_temperature


@dataclass(frozen=True, slots=True)
class MethodEntry:
    """How a method runs.

    image_steps: units of progress for each image. default_step_size: where the settings name none, in units of the [0,1]
    image; None for methods without a step. norms: the threats that it knows. whole: it is given all images at once and cuts
    them into batches itself, because it shares out its budget among those that still stand.
    """

    attack: Callable[[AttackSettings, Context, Batch], Outcome]
    image_steps: Callable[[AttackSettings], int]
    default_step_size: Callable[[Threat], float] | None = None
    norms: frozenset[Norm] = frozenset(Norm)
    whole: bool = False


METHODS: Mapping[Method, MethodEntry] = {
    Method.FGSM: MethodEntry(fgsm.attack, fgsm.image_steps, fgsm.default_step_size),
    Method.PGD: MethodEntry(pgd.attack, pgd.image_steps, pgd.default_step_size),
    Method.IPROP: MethodEntry(iprop.attack, iprop.image_steps, norms=frozenset({Norm.LINF}), whole=True),
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
    is told of len(batch) x `image_steps(settings)` image-steps in all. Raises UsageError where the method does not know
    the threat's norm.
    """
    entry = METHODS[settings.method]
    if threat.norm not in entry.norms:
        norms = ", ".join(sorted(entry.norms))
        raise UsageError(f"method: {settings.method} attacks in the norm {norms} only, not in {threat.norm}")
    chosen = replace(target, network=with_surrogate(target.network, settings.surrogate))
    known = calibration or batch
    temperature = fit_temperature(settings.beta, chosen, known)
    context = Context(chosen, threat, temperature, known, seed, batch_size, on_progress or _ignored)
    if entry.whole and len(batch):
        return entry.attack(settings, context, batch)
    parts = [batch.select(slice(start, start + batch_size)) for start in range(0, len(batch), batch_size)]
    return Outcome.joined([entry.attack(settings, context, part) for part in parts], batch.images)


def _ignored(image_steps: int) -> None:
    """Nobody listens."""


def image_steps(settings: AttackSettings) -> int:
    """Units of progress that an attack reports for each image."""
    return METHODS[settings.method].image_steps(settings)


def step_size_of(settings: AttackSettings, threat: Threat) -> float | None:
    """The step that an attack takes against this threat, in units of the [0,1] image; None for methods without a step."""
    default = METHODS[settings.method].default_step_size
    if default is None:
        return None
    return default(threat) if settings.step_size is None else settings.step_size


__all__ = ["METHODS", "Context", "MethodEntry", "image_steps", "run_attack", "step_size_of"]
