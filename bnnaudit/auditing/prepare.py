"""The one way in which every command that runs a network sets its run up: a model and a sample become what attacks run on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bnnaudit.auditing.serving import Answers, Reading, session_scores, with_default_session
from bnnaudit.auditing.threads import Threads
from bnnaudit.auditing.trials import RunInputs
from bnnaudit.auditing.verdict import share
from bnnaudit.core.batch import Batch
from bnnaudit.core.evidence import Agreement, DefaultAnswers
from bnnaudit.core.report import SubstituteFacts
from bnnaudit.core.sample_fit import SampleFit
from bnnaudit.core.target import Target
from bnnaudit.core.trial import Source
from bnnaudit.data import Sample
from bnnaudit.measurements.agreement import compare_sessions, measure_agreement
from bnnaudit.measurements.sample_fit import measure_fit
from bnnaudit.quantization.zero_gradient import with_zero_gradient


@dataclass(frozen=True, slots=True)
class Prepared:
    """A model in its sessions, run on a sample of N images without attack.

    answers: of the deployed model; labels (N,) on the CPU: the truth, or without it what the deployed model answers; reading: of
    one session that counts. agreement: of the differentiable copy with the deployed model; default_session: of a default session
    with an exact one, None where it cannot differ. missing_session: why there is no default session, where it could not be
    opened. threads: what to compute with, PyTorch's own number where it is None.
    """

    inputs: RunInputs
    sample: Sample
    answers: Answers
    labels: Tensor
    reading: Reading
    agreement: Agreement
    default_session: DefaultAnswers | None = None
    missing_session: str = ""
    threads: Threads | None = None

    @property
    def target(self) -> Target:
        """The model with its default session open and a network that autograd can differentiate."""
        return self.inputs.target

    @property
    def clean(self) -> Tensor:
        """(N,) bool on the CPU: classified correctly without attack, in every session that counts."""
        return self.inputs.clean.cpu()

    @property
    def right(self) -> Batch:
        """The images that are classified correctly, on the target's device."""
        return self.inputs.sample.select(self.inputs.clean)

    def measure_fit(self) -> SampleFit:
        """Whether the sample is what the model was made for."""
        images, labels = self.sample.images, self.sample.labels
        return measure_fit(self.target, images, self.answers.exact, labels, self.inputs.batch_size)


def prepare(target: Target, sample: Sample, seed: int, batch_size: int, threads: Threads | None = None) -> Prepared:
    """Classifies the sample once in every session of the deployed model, and holds the differentiable copy against it."""
    target, missing = with_default_session(with_zero_gradient(target, sample.images))
    scores, by_default = session_scores(target, sample.images)
    answers = Answers.of(scores, by_default, target.serve_as)
    labels = answers.shown if sample.labels is None else sample.labels
    batch = Batch(sample.images, labels, sample.ids).to(target.device)
    inputs = RunInputs(
        target=target,
        sample=batch,
        clean=answers.right(labels).to(target.device),
        seed=seed,
        batch_size=batch_size,
        climbed={} if target.rounded is None else {Source.ROUNDED: replace(target, network=target.rounded)},
        sessions=answers.sessions(labels),
    )
    agreement = measure_agreement(target, batch.images, scores, batch_size, batch.labels)
    differences = None if by_default is None else compare_sessions(scores, by_default)
    reading = Reading.of(scores, by_default, target.serve_as, labels)
    return Prepared(inputs, sample, answers, labels, reading, agreement, differences, missing, threads)


def with_substitute(inputs: RunInputs, make_substitute: Callable[[Target], Target]) -> RunInputs:
    """The same with the network that transferred attacks are made on, trained or loaded for this model."""
    return inputs.with_source(
        Source.SUBSTITUTE, with_zero_gradient(make_substitute(inputs.target), inputs.sample.images)
    )


@torch.no_grad()
def substitute_facts(inputs: RunInputs, prepared: Prepared) -> SubstituteFacts:
    """What the network that transferred attacks are made on is, and how like the model it is on the sample."""
    substitute, sample = inputs.climbed[Source.SUBSTITUTE], prepared.sample
    images = torch.split(sample.images, inputs.batch_size)
    classes = torch.cat([substitute.logits(part.to(substitute.device)).argmax(dim=1).cpu() for part in images])
    agreement = share((classes == prepared.answers.shown).numpy())
    accuracy = None if sample.labels is None else share((classes == sample.labels).numpy())
    return SubstituteFacts(substitute.facts.path, substitute.facts.sha256, accuracy, agreement)
