"""The counterexamples of a run: for each image the nearest adversarial one that fooled the deployed model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from torch import Tensor

from bnnaudit.attacks.geometry import lengths_of
from bnnaudit.auditing.journal import gradient_words
from bnnaudit.auditing.replay_check import Replay
from bnnaudit.core.attack import BetaRule, LossKind
from bnnaudit.core.batch import Batch
from bnnaudit.core.threat import Threat
from bnnaudit.core.trial import Trial

NEARER = 1e-3
"""Part of its distance by which a counterexample has to be nearer to take the place of another: attacks that fill the radius
differ by rounding. Not tuned."""
SHOWN = 8
"""Counterexamples whose images are kept where not all of them are. Not tuned."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """An image that the deployed model gets wrong, close to one that it gets right.

    index: of that one in the data set. label: its class; prediction: the deployed model's answer to this one, in a session that
    counts. margin: of that session's scores, the label's less the highest other. distance: in the threat's norm, in units of the
    [0,1] image. image (C, H, W) or (features,): in the network's range, on the CPU; None where it was not kept.
    """

    index: int
    label: int
    prediction: int
    margin: float
    distance: float
    fooled_by: str
    image: Tensor | None = None


@dataclass(slots=True)
class Counterexamples:
    """Those of the images attacked so far. Written by the trials of one run.

    threat: what counts as one. keep_all: whether the image of each is kept, or of those alone that are worth a look.
    """

    threat: Threat
    keep_all: bool = False
    found: dict[int, Counterexample] = field(default_factory=dict)

    def add(self, trial: Trial, batch: Batch, images: Tensor, replay: Replay) -> None:
        """Takes what a trial's images (N, ...) show of a batch of N; nothing from one of a larger radius or in another norm."""
        if trial.threat.norm is not self.threat.norm or trial.threat.eps > self.threat.eps:
            return
        rows = replay.fooled.nonzero().squeeze(1).to(batch.images.device)
        if len(rows) == 0:
            return
        lengths = lengths_of(images[rows] - batch.images[rows], self.threat).double() / self.threat.box.width
        answers, margins = (values[rows.cpu()].tolist() for values in (replay.reading.classes, replay.reading.margins))
        columns = [batch.ids[rows].tolist(), batch.labels[rows].tolist(), answers, margins, lengths.tolist()]
        name, fresh = attack_words(trial), {}
        for place, index, label, answer, margin, distance in zip(rows.tolist(), *columns, strict=True):
            known = self.found.get(index)
            if known is None or distance < known.distance * (1 - NEARER):
                self.found[index] = Counterexample(index, label, answer, margin, distance, name)
                fresh[index] = images[place]
        if fresh:
            self._keep(fresh)

    def _keep(self, fresh: dict[int, Tensor]) -> None:
        """Keeps the images of new counterexamples, all of them or those alone that are among the ones to look at."""
        if self.keep_all:
            kept = set(self.found)
        else:
            kept = {one.index for one in worth_a_look(self.found.values())}
            for index, one in self.found.items():
                if one.image is not None and index not in kept:
                    self.found[index] = replace(one, image=None)
        for index in kept & set(fresh):
            self.found[index] = replace(self.found[index], image=fresh[index].detach().cpu().clone())

    def of(self, ids: Iterable[int]) -> list[Counterexample]:
        """Those of the images with these indices in the data set, in this order."""
        return [self.found[index] for index in ids if index in self.found]


def worth_a_look(found: Collection[Counterexample]) -> list[Counterexample]:
    """The nearest one of each class, then the second ones and so on, at most `SHOWN`; of several as near the first in the data.

    What is not among them is not among those of a larger set either, so that their images need not be kept.
    """
    before: Counter[int] = Counter()
    ranked = []
    for one in sorted(found, key=lambda one: (one.distance, one.index)):
        ranked.append((before[one.label], one.distance, one.index))
        before[one.label] += 1
    places = {index: place for place, (*_, index) in enumerate(sorted(ranked)[:SHOWN])}
    return sorted((one for one in found if one.index in places), key=lambda one: places[one.index])


def attack_words(trial: Trial) -> str:
    """What tells an attack from others, in words: `pgd`, `pgd++ hns triangular:0.35`, `pgd margin, 10 restarts`."""
    attack = trial.attack
    loss = str(attack.loss) if attack.method.climbs and attack.loss is not LossKind.CROSS_ENTROPY else ""
    beta = str(attack.beta) if attack.beta.rule is not BetaRule.NONE else ""
    words = " ".join(word for word in (attack.name, loss, beta, gradient_words(trial)) if word)
    return f"{words}, {attack.restarts} restarts" if attack.restarts > 1 else words
