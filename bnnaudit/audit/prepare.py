"""What every run on a sample starts from: who is right without attack, and a report with the facts filled in."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bnnaudit.audit.attack_rows import serving_of
from bnnaudit.audit.environment import describe_environment
from bnnaudit.audit.serving import Answers, answers_of, with_default_session
from bnnaudit.audit.trials import RunInputs
from bnnaudit.audit.verdict import estimate
from bnnaudit.core.batch import Batch
from bnnaudit.core.evidence import Agreement
from bnnaudit.core.finding import Fault, Finding
from bnnaudit.core.fit import SampleFit
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.data import Sample
from bnnaudit.measurements.agreement import measure_agreement
from bnnaudit.measurements.sample_fit import measure_fit
from bnnaudit.measurements.zero_gradient import attached
from bnnaudit.rules.causes import code_cuts_gradient, output_hides_scores, steps_unknown
from bnnaudit.rules.model import (
    clean_accuracy_at_chance,
    copies_disagree,
    fed_otherwise_than_trained,
    labels_at_random,
    labels_numbered_otherwise,
    non_finite_outputs,
    random_outputs,
    unlike_pictures,
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The sample on its inputs. answers: of the deployed model without attack; labels (N,) on the CPU: the truth, or without it
    what the deployed model answers. missing: why its default session is, where it could not be opened."""

    inputs: RunInputs
    sample: Sample
    answers: Answers
    labels: Tensor
    agreement: Agreement
    fit: SampleFit
    missing: str = ""

    @property
    def clean(self) -> Tensor:
        """(N,) bool on the CPU: classified correctly without attack, in every session that counts."""
        return self.inputs.clean.cpu()


def prepare(target: Target, sample: Sample, seed: int, batch_size: int) -> Prepared:
    """Runs the deployed model on the sample and holds the differentiable copy against it."""
    target, missing = with_default_session(target)
    scores = target.deployed(sample.images)
    answers = answers_of(target, sample.images, scores)
    labels = answers.shown if sample.labels is None else sample.labels
    batch = Batch(sample.images, labels, sample.ids).to(target.device)
    clean, sessions = answers.right(labels).to(target.device), answers.sessions(labels)
    inputs = RunInputs(attached(target, sample.images), batch, clean, seed, batch_size, sessions=sessions)
    agreement = measure_agreement(target, batch.images, scores, batch_size)
    fit = measure_fit(target, sample.images, answers.exact, sample.labels, batch_size)
    return Prepared(inputs, sample, answers, labels, agreement, fit, missing)


def bare_report(prepared: Prepared, threat: Threat, provenance: Provenance) -> Report:
    """Facts and clean accuracy.

    Its findings say whether the model itself can be trusted, and whether its gradient can; without an audit nothing else is
    judged.
    """
    target = prepared.inputs.target
    return Report(
        provenance=provenance,
        model=target.facts,
        data=prepared.sample.facts,
        threat=threat,
        environment=describe_environment(target.device),
        clean_accuracy=estimate(int(prepared.clean.sum()), len(prepared.labels)),
        findings=(
            *copies_disagree.findings_from(prepared.agreement),
            *non_finite_outputs.findings_from(prepared.agreement),
            *random_outputs.findings_from(prepared.agreement),
            *code_cuts_gradient.findings_from(target.facts),
            *steps_unknown.findings_from(target.facts),
            *output_hides_scores.findings_from(target.facts, prepared.agreement),
            *_of_the_sample(prepared.fit, target.facts.num_classes),
        ),
        output=prepared.agreement.output,
        faults=(Fault("default-session", prepared.missing),) if prepared.missing else (),
        serving=serving_of(target, prepared.inputs.sessions),
    )


def _of_the_sample(fit: SampleFit, classes: int) -> tuple[Finding, ...]:
    """Whether the model is fed as it was made for."""
    judged = (
        rule.findings_from(fit)
        for rule in (clean_accuracy_at_chance, labels_numbered_otherwise, labels_at_random, fed_otherwise_than_trained)
    )
    return (*(finding for findings in judged for finding in findings), *unlike_pictures.findings_from(fit, classes))
