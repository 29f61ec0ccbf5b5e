"""Attacks on a target. The table maps each method to what runs it; FGSM, PGD and their kin are settings of one ascent loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from bnnaudit.attacks.auto import run as auto
from bnnaudit.attacks.boundary import bba, deepfool, fab
from bnnaudit.attacks.chunks import attack_in_parts
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.exact import iprop
from bnnaudit.attacks.geometry import as_stored
from bnnaudit.attacks.gradient import apgd, pgd
from bnnaudit.attacks.query import random_search, square
from bnnaudit.attacks.query.hard_label import hard_label
from bnnaudit.core.attack import AttackSettings, Method
from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import UsageError
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics.losses import margin


@dataclass(frozen=True, slots=True)
class MethodEntry:
    """How a method runs.

    attack: what runs it, given settings of its type. norms: the threats that it knows. whole: it is given all images at once and
    cuts them into batches itself, because it shares out its budget among those that still stand. relaxes: it asks the network
    itself beside the smooth one that the surrogate `relaxed` makes.
    """

    attack: Callable[[Any, Context, Batch], Outcome]
    norms: frozenset[Norm] = frozenset(Norm)
    whole: bool = False
    relaxes: bool = False


METHODS: Mapping[Method, MethodEntry] = {
    Method.FGSM: MethodEntry(pgd.attack, relaxes=True),
    Method.PGD: MethodEntry(pgd.attack, relaxes=True),
    Method.APGD: MethodEntry(apgd.attack),
    Method.FAB: MethodEntry(fab.attack),
    Method.DEEPFOOL: MethodEntry(deepfool.attack),
    Method.AUTO: MethodEntry(auto.attack, whole=True),
    Method.BRENDEL_BETHGE: MethodEntry(bba.attack),
    Method.SQUARE: MethodEntry(square.attack),
    Method.RANDOM: MethodEntry(random_search.attack),
    Method.HARD_LABEL: MethodEntry(hard_label.attack),
    Method.IPROP: MethodEntry(iprop.attack, norms=frozenset({Norm.LINF}), whole=True),
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
    is told of len(batch) x `settings.image_steps` image-steps in all. Raises UsageError where the method does not know
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
    told = on_progress or (lambda image_steps: None)
    context = prepared(settings, target, threat, calibration or batch, seed, batch_size, told)
    found = attack_in_parts(entry.attack, settings, context, batch, entry.whole) if len(batch) else []
    outcome = Outcome.joined(found, batch.images)
    return rounded(outcome, context, batch, settings.image_steps) if threat.discrete else outcome


def rounded(outcome: Outcome, context: Context, batch: Batch, steps: int) -> Outcome:
    """What is left of an outcome when its images are stored: each on the grid of pixels, and judged there.

    Images that rounding does not change keep their entries, and cost nothing. One that only its rounding fools counts as
    fooled after all the attack's `steps`.
    """
    images = as_stored(outcome.images, batch.images, context.threat)
    rows = (images != outcome.images).flatten(1).any(dim=1).nonzero().squeeze(1)
    if len(rows) == 0:
        return outcome
    logits = context.judged(images[rows])
    wrong = logits.argmax(dim=1) != batch.labels[rows]
    fooled, fooled_at, margins = outcome.fooled.clone(), outcome.fooled_at.clone(), outcome.margins.clone()
    fooled_at[rows] = torch.where(wrong, torch.where(fooled[rows], fooled_at[rows], steps), -1)
    fooled[rows] = wrong
    margins[rows] = margin(logits, batch.labels[rows]).to(margins.dtype)
    cost = outcome.cost + Cost(forwards=len(rows))
    return replace(outcome, images=images, fooled=fooled, fooled_at=fooled_at, margins=margins, cost=cost)
