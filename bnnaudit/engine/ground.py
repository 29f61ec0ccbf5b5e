"""What every run on a sample starts from: who is right without attack, and a report with the facts filled in."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bnnaudit.core.batch import Batch
from bnnaudit.core.evidence import Agreement
from bnnaudit.core.finding import Fault, Finding
from bnnaudit.core.fit import SampleFit
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.data import Sample
from bnnaudit.diagnostics import (
    chance,
    code_cuts_gradient,
    copies,
    determinism,
    feeding,
    finite,
    label_order,
    picture_likeness,
    random_labels,
    score_tail,
    unknown_steps,
)
from bnnaudit.engine.attached import attached
from bnnaudit.engine.environment import describe_environment
from bnnaudit.engine.judging import estimate
from bnnaudit.engine.probes import measure_agreement
from bnnaudit.engine.reporting import serving_of
from bnnaudit.engine.sample_fit import measure_fit
from bnnaudit.engine.serving import Answers, answers_of, with_default_session
from bnnaudit.engine.trials import Bench


@dataclass(frozen=True, slots=True)
class Ground:
    """The sample on its bench. answers: of the deployed model without attack; labels (N,) on the CPU: the truth, or without it
    what the deployed model answers. missing: why its default session is, where it could not be opened."""

    bench: Bench
    sample: Sample
    answers: Answers
    labels: Tensor
    agreement: Agreement
    fit: SampleFit
    missing: str = ""

    @property
    def clean(self) -> Tensor:
        """(N,) bool on the CPU: classified correctly without attack, in every session that counts."""
        return self.bench.clean.cpu()


def prepare_ground(target: Target, sample: Sample, seed: int, batch_size: int) -> Ground:
    """Runs the deployed model on the sample and holds the differentiable copy against it."""
    target, missing = with_default_session(target)
    scores = target.deployed(sample.images)
    answers = answers_of(target, sample.images, scores)
    labels = answers.shown if sample.labels is None else sample.labels
    batch = Batch(sample.images, labels, sample.ids).to(target.device)
    clean, sessions = answers.right(labels).to(target.device), answers.sessions(labels)
    bench = Bench(attached(target, sample.images), batch, clean, seed, batch_size, sessions=sessions)
    agreement = measure_agreement(target, batch.images, scores, batch_size)
    fit = measure_fit(target, sample.images, answers.exact, sample.labels, batch_size)
    return Ground(bench, sample, answers, labels, agreement, fit, missing)


def bare_report(ground: Ground, threat: Threat, provenance: Provenance) -> Report:
    """Facts and clean accuracy.

    Its findings say whether the model itself can be trusted, and whether its gradient can; without an audit nothing else is
    judged.
    """
    target = ground.bench.target
    return Report(
        provenance=provenance,
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
            *score_tail.findings_from(target.facts, ground.agreement),
            *_of_the_sample(ground.fit, target.facts.num_classes),
        ),
        output=ground.agreement.output,
        faults=(Fault("default-session", ground.missing),) if ground.missing else (),
        serving=serving_of(target, ground.bench.sessions),
    )


def _of_the_sample(fit: SampleFit, classes: int) -> tuple[Finding, ...]:
    """Whether the model is fed as it was made for."""
    judged = (rule.findings_from(fit) for rule in (chance, label_order, random_labels, feeding))
    return (*(finding for findings in judged for finding in findings), *picture_likeness.findings_from(fit, classes))
