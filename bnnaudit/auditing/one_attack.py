"""Runs one attack on the sample, for `attack`: its report, and the images for `--save`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from bnnaudit.auditing.attack_rows import attack_row
from bnnaudit.auditing.confirmed import Confirmed
from bnnaudit.auditing.counterexamples import Counterexamples
from bnnaudit.auditing.image_rows import with_images
from bnnaudit.auditing.prepare import Prepared, substitute_facts, with_substitute
from bnnaudit.auditing.report import bare_report
from bnnaudit.auditing.serving import Answers, answers_of
from bnnaudit.auditing.trials import run_trial
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.target import Target
from bnnaudit.core.trial import Source, Trial


@dataclass(frozen=True, slots=True)
class Adversarial:
    """N images before and after, all on the CPU and in the network's range.

    An image that the model misclassified to begin with is left as it was. labels (N,) int64: the truth, or the model's own
    answer where the data have no labels. before, after: the deployed model's answers, without and under attack.
    """

    original: Tensor
    images: Tensor
    labels: Tensor
    ids: Tensor
    before: Answers
    after: Answers

    @property
    def fooled(self) -> Tensor:
        """(N,) bool: right before in every session that counts, and wrong after in one of them."""
        return self.before.right(self.labels) & ~self.after.right(self.labels)

    @property
    def confirmed(self) -> Confirmed:
        """The counterexamples among them."""
        return Confirmed(self.original, self.images, self.labels, self.ids).select(self.fooled)


def run_one_attack(
    prepared: Prepared,
    trial: Trial,
    provenance: Provenance,
    on_progress: Callable[[int], None] | None = None,
    make_substitute: Callable[[Target], Target] | None = None,
) -> tuple[Report, Adversarial]:
    """The attack on every image that is classified correctly.

    `make_substitute` trains or loads the network that a transferred attack is made on, and is called for no other.
    The report's findings say whether the model itself can be trusted; an attack alone judges nothing else.
    """
    sample, clean, counterexamples = prepared.sample, prepared.clean, Counterexamples(trial.threat)
    inputs, made_on = replace(prepared.inputs, counterexamples=counterexamples), None
    if make_substitute is not None and trial.source is Source.SUBSTITUTE:
        inputs = with_substitute(inputs, make_substitute)
        made_on = substitute_facts(inputs, prepared)
    result, outcome = run_trial(inputs, trial, on_progress=on_progress)
    images = sample.images.clone()
    images[clean] = outcome.images.cpu().to(images.dtype)
    after = answers_of(prepared.target, images)
    report = replace(bare_report(prepared, trial.threat, provenance), attacks=(attack_row(result),), substitute=made_on)
    report = with_images(report, prepared, np.arange(len(prepared.labels)), counterexamples)
    return report, Adversarial(sample.images, images, prepared.labels, sample.ids, prepared.answers, after)
