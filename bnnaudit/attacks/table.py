"""Attacks on a target. The table maps each method to what runs it; FGSM, PGD and their kin are settings of one ascent loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bnnaudit.attacks import auto
from bnnaudit.attacks.boundary import bba, deepfool, fab
from bnnaudit.attacks.chunks import attack_in_parts
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.exact import iprop
from bnnaudit.attacks.gradient import apgd, fgsm, pgd
from bnnaudit.attacks.query import random_search, square
from bnnaudit.attacks.query.hard_label import attack
from bnnaudit.attacks.rounding import rounded
from bnnaudit.core.attack import AttackSettings, Method
from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import UsageError
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat


@dataclass(frozen=True, slots=True)
class MethodEntry:
    """How a method runs.

    image_steps: units of progress for each image. default_step_size: where the settings name none, in units of the [0,1]
    image; None for methods without a step. norms: the threats that it knows. whole: it is given all images at once and cuts
    them into batches itself, because it shares out its budget among those that still stand. relaxes: it asks the network
    itself beside the smooth one that the surrogate `relaxed` makes.
    """

    attack: Callable[[AttackSettings, Context, Batch], Outcome]
    image_steps: Callable[[AttackSettings], int]
    default_step_size: Callable[[Threat], float] | None = None
    norms: frozenset[Norm] = frozenset(Norm)
    whole: bool = False
    relaxes: bool = False


METHODS: Mapping[Method, MethodEntry] = {
    Method.FGSM: MethodEntry(fgsm.attack, fgsm.image_steps, fgsm.default_step_size, relaxes=True),
    Method.PGD: MethodEntry(pgd.attack, pgd.image_steps, pgd.default_step_size, relaxes=True),
    Method.APGD: MethodEntry(apgd.attack, apgd.image_steps, apgd.default_step_size),
    Method.FAB: MethodEntry(fab.attack, fab.image_steps),
    Method.DEEPFOOL: MethodEntry(deepfool.attack, deepfool.image_steps),
    Method.AUTO: MethodEntry(auto.attack, auto.image_steps, whole=True),
    Method.BRENDEL_BETHGE: MethodEntry(bba.attack, bba.image_steps),
    Method.SQUARE: MethodEntry(square.attack, square.image_steps),
    Method.RANDOM: MethodEntry(random_search.attack, random_search.image_steps),
    Method.HARD_LABEL: MethodEntry(attack.attack, attack.image_steps),
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
    if settings.surrogate.relaxes and not entry.relaxes:
        able = ", ".join(method for method, row in METHODS.items() if row.relaxes)
        raise UsageError(
            f"surrogate: relaxed is for {able}; {settings.method} would take the smooth network for the model"
        )
    context = prepared(settings, target, threat, calibration or batch, seed, batch_size, on_progress or _ignored)
    found = attack_in_parts(entry.attack, settings, context, batch, entry.whole) if len(batch) else []
    outcome = Outcome.joined(found, batch.images)
    if not threat.discrete:
        return outcome
    return rounded(outcome, target, batch, threat, image_steps(settings), batch_size)


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
