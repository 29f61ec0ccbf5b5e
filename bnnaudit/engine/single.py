"""Runs one attack on the sample, for `attack`: its report, and the images for `--save`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.report import Report
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.core.trial import Trial
from bnnaudit.data import Sample
from bnnaudit.engine.ground import bare_report, prepare_ground
from bnnaudit.engine.reporting import attack_row
from bnnaudit.engine.trials import run_trial


@dataclass(frozen=True, slots=True)
class Adversarial:
    """N images before and after, all on the CPU and in the network's range.

    An image that the model misclassified to begin with is left as it was. labels, before, after (N,) int64: the truth
    (or the model's own answer where the data have no labels), the deployed model's classes.
    """

    original: Tensor
    images: Tensor
    labels: Tensor
    ids: Tensor
    before: Tensor
    after: Tensor


def run_single(
    target: Target,
    sample: Sample,
    attack: AttackSettings,
    threat: Threat,
    seed: int,
    batch_size: int,
    stamp: tuple[str, str, str],
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Report, Adversarial]:
    """The attack on every image that is classified correctly; `stamp` is tool version, time and command line.

    The report's findings say whether the model itself can be trusted; an attack alone judges nothing else.
    """
    ground = prepare_ground(target, sample, seed, batch_size)
    result, outcome = run_trial(ground.bench, Trial(attack, threat), on_progress=on_progress)
    clean = ground.clean
    images = sample.images.clone()
    images[clean] = outcome.images.cpu().to(images.dtype)
    after = ground.predicted.clone()
    if bool(clean.any()):
        after[clean] = target.deployed(images[clean]).argmax(dim=1)
    report = replace(bare_report(ground, threat, stamp), attacks=(attack_row(result),))
    return report, Adversarial(sample.images, images, ground.labels, sample.ids, ground.predicted, after)
