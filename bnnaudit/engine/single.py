"""Runs one attack on the sample, for `attack`: its report, and the images for `--save`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from bnnaudit.core.batch import Batch
from bnnaudit.core.report import Report
from bnnaudit.core.target import Target
from bnnaudit.core.trial import Source, Trial
from bnnaudit.data import Sample
from bnnaudit.diagnostics import copies, determinism, finite
from bnnaudit.engine.environment import describe_environment
from bnnaudit.engine.judging import estimate
from bnnaudit.engine.probes import measure_agreement
from bnnaudit.engine.reporting import attack_row
from bnnaudit.engine.trials import Bench, run_trial


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
    trial: Trial,
    seed: int,
    batch_size: int,
    stamp: tuple[str, str, str],
    on_progress: Callable[[int], None] | None = None,
    make_substitute: Callable[[Target], Target] | None = None,
) -> tuple[Report, Adversarial]:
    """The attack on every image that is classified correctly; `stamp` is tool version, time and command line.

    `make_substitute` trains or loads the network that a transferred attack is made on, and is called for no other.
    The report's findings say whether the model itself can be trusted; an attack alone judges nothing else.
    """
    scores = target.deployed(sample.images)
    before = scores.argmax(dim=1)
    labels = before if sample.labels is None else sample.labels
    batch = Batch(sample.images, labels, sample.ids).to(target.device)
    clean = before == labels
    substitute = make_substitute(target) if make_substitute and trial.source is Source.SUBSTITUTE else None
    bench = Bench(target, batch, clean.to(target.device), seed, batch_size, substitute)
    agreement = measure_agreement(target, batch.images, scores, batch_size)
    result, outcome = run_trial(bench, trial, on_progress=on_progress)
    images = sample.images.clone()
    images[clean] = outcome.images.cpu().to(images.dtype)
    after = before.clone()
    if bool(clean.any()):
        after[clean] = target.deployed(images[clean]).argmax(dim=1)
    version, created, command = stamp
    report = Report(
        tool_version=version,
        created=created,
        command=command,
        model=target.facts,
        data=sample.facts,
        threat=trial.threat,
        environment=describe_environment(target.device),
        clean_accuracy=estimate(int(clean.sum()), len(clean)),
        attacks=(attack_row(result),),
        findings=(
            *copies.findings_from(agreement),
            *finite.findings_from(agreement),
            *determinism.findings_from(agreement),
        ),
    )
    return report, Adversarial(sample.images, images, labels, sample.ids, before, after)
