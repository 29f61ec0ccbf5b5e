"""What every run on a sample starts from: who is right without attack, and a report with the facts filled in."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bnnaudit.core.batch import Batch
from bnnaudit.core.evidence import Agreement
from bnnaudit.core.report import Report
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.data import Sample
from bnnaudit.diagnostics import code_cuts_gradient, copies, determinism, finite, unknown_steps
from bnnaudit.engine.attached import attached
from bnnaudit.engine.environment import describe_environment
from bnnaudit.engine.judging import estimate
from bnnaudit.engine.probes import measure_agreement
from bnnaudit.engine.trials import Bench


@dataclass(frozen=True, slots=True)
class Ground:
    """The sample on its bench. predicted, labels (N,) on the CPU: the deployed model's classes, and the truth or, without it,
    the same."""

    bench: Bench
    sample: Sample
    predicted: Tensor
    labels: Tensor
    agreement: Agreement

    @property
    def clean(self) -> Tensor:
        """(N,) bool on the CPU: classified correctly without attack."""
        return self.predicted == self.labels


def prepare_ground(target: Target, sample: Sample, seed: int, batch_size: int) -> Ground:
    """Runs the deployed model on the sample and holds the differentiable copy against it."""
    scores = target.deployed(sample.images)
    predicted = scores.argmax(dim=1)
    labels = predicted if sample.labels is None else sample.labels
    batch = Batch(sample.images, labels, sample.ids).to(target.device)
    bench = Bench(attached(target, sample.images), batch, (predicted == labels).to(target.device), seed, batch_size)
    agreement = measure_agreement(target, batch.images, scores, batch_size)
    return Ground(bench, sample, predicted, labels, agreement)


def bare_report(ground: Ground, threat: Threat, stamp: tuple[str, str, str]) -> Report:
    """Facts and clean accuracy; `stamp` is tool version, time and command line.

    Its findings say whether the model itself can be trusted, and whether its gradient can; without an audit nothing else is
    judged.
    """
    version, created, command = stamp
    target = ground.bench.target
    return Report(
        tool_version=version,
        created=created,
        command=command,
        model=target.facts,
        data=ground.sample.facts,
        threat=threat,
        environment=describe_environment(target.device),
        clean_accuracy=estimate(int(ground.clean.sum()), len(ground.labels)),
        findings=(
            *copies.findings_from(ground.agreement),
            *finite.findings_from(ground.agreement),
            *determinism.findings_from(ground.agreement),
            *code_cuts_gradient.findings_from(target.facts),
            *unknown_steps.findings_from(target.facts),
        ),
    )
