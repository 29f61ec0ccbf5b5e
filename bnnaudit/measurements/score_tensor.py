"""Finds by measurement which tensor of a network attacks should climb, where its output hides differences of scores.

A softmax behind eight bits, a saturated sigmoid, a clip: behind such a tail there is nothing to climb, whatever the loss
and its temperature. The tensor that is climbed is the earliest of those as large as a row of scores whose largest entry is in
the output's class wherever the output is not tied: on images of the sample, on random points of the ball around them, and on
the points by which bisection closes in on the decision boundary between an image and an adversarial one or one of another
class, where tensors that only resemble the scores go wrong. The output stays the judge of success.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from bnnaudit.attacks.geometry import random_start
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import ErrorSignal, Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.facts import OutputKind
from bnnaudit.core.scores import ScoreFacts, are_probabilities
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.models.score_tensor.graph import Place
from bnnaudit.models.score_tensor.network import ScorePlaces, score_places

IMAGES = 48
"""Images of the sample around which points are compared. Not tuned."""
PART = 32
"""Images at a time. Not tuned; it changes no result."""
STEPS = 10
"""Steps of the attacks whose paths are followed. Not tuned."""
ATTACKS = 3
"""Attacks, each on the tensor that passed the one before. Not tuned."""
BISECTIONS = 6
"""Points between two images of different classes, each halving what is left: 1/64 of the way from the boundary at last."""
ROUNDING = 1e-6
"""Share of the largest score: smaller differences are ties, since rounding explains them. Not tuned."""
LIKE = 0.98
"""Share of a tensor's variation that a multiple of another one explains, from which on they differ by a scale: 8-bit rounding
leaves 0.9999, four bits 0.99, a softmax of ordinary logits 0.7."""


def rescored(target: Target, images: Tensor, threat: Threat, most: int = PART) -> Target:
    """The target whose network returns the tensor to climb, or the target itself where that is its output.

    images (M, ...): of the sample, on the CPU or the device. most: images that fit into memory at a time. The network as it was
    stays at hand as `whole`.
    """
    batch, part = images[:IMAGES].to(target.device), min(PART, most)
    if len(batch) == 0 or target.facts.scores is not None:
        return target
    places = score_places(target.network, target.prepare(batch[:part]), target.facts.num_classes)
    if places is None or all(places.graph.is_plain(place, places.places[-1].node) for place in places.places):
        return target
    return _TensorSearch(target, places, batch, threat, part).found()


@dataclass(slots=True)
class _TensorSearch:
    """One search, `part` images at a time.

    `seen` (P, m, d) grows: the tensors' values at the points compared so far, the output's last.
    """

    target: Target
    places: ScorePlaces
    images: Tensor
    threat: Threat
    part: int
    seen: Tensor = field(init=False)

    def __post_init__(self) -> None:
        ids = torch.arange(len(self.images), device=self.images.device)
        everyone = Batch(self.images, torch.zeros_like(ids), ids)
        ball = random_start(everyone, self.threat, 0, 0)
        self.seen = self._values(torch.cat([self.images, ball]))
        self._close_in(self.images, self._others())

    def found(self) -> Target:
        """The target with the tensor found; itself where that gives other answers, as it may inside of foreign code."""
        found = self._withstanding()
        with torch.no_grad():
            images = self.images[: self.part]
            same = found.logits(images).argmax(dim=1) == self.target.logits(images).argmax(dim=1)
        return found if bool(same.all()) else self.target

    def _withstanding(self) -> Target:
        """The target with the tensor that withstands the attacks on itself."""
        index = self._earliest()
        for _ in range(ATTACKS):
            if index is None:
                return self.target
            before, earlier = self._climbing(index), index
            points, fooled = self._attacked(before)
            self._close_in(self.images[fooled], points[fooled])
            index = self._earliest()
            if index == earlier:
                return before
        return self.target if index is None else self._climbing(index)

    def _values(self, points: Tensor) -> Tensor:
        """(P, m, d) of points (P, ...)."""
        network = self.places.everything()
        with torch.no_grad():
            parts = [network(self.target.prepare(part)) for part in torch.split(points, self.part)]
        return torch.cat(parts).reshape(len(points), len(self.places.places), self.target.facts.num_classes)

    def _others(self) -> Tensor:
        """For each image the next one of the sample that the output puts into another class; itself where there is none."""
        answers = self.seen[: len(self.images), -1].argmax(dim=1)
        order = torch.arange(len(answers), device=answers.device)
        ahead = (order[None, :] - order[:, None]) % len(order)
        distance = torch.where(answers[None, :] != answers[:, None], ahead, 0)
        nearest = torch.where(distance > 0, distance, len(order)).argmin(dim=1)
        return self.images[nearest]

    def _attacked(self, target: Target) -> tuple[Tensor, Tensor]:
        """Where a short attack ends (M, ...), and which of the images the output then puts elsewhere (M,) bool."""
        with torch.no_grad():
            parts = [target.logits(part).argmax(dim=1) for part in torch.split(self.images, self.part)]
        labels = torch.cat(parts)
        batch = Batch(self.images, labels, torch.arange(len(labels), device=labels.device))
        settings = Pgd(steps=STEPS, error_signal=ErrorSignal.EXACT)
        outcome = run_attack(settings, target, batch, self.threat, 0, batch_size=self.part)
        return outcome.images, outcome.fooled

    def _close_in(self, ones: Tensor, others: Tensor) -> None:
        """Adds the other ends and the points by which bisection comes to the boundary between the pairs (M, ...)."""
        if len(ones) == 0:
            return
        first, last = self._values(ones), self._values(others)
        seen, answers = [self.seen, last], first[:, -1].argmax(dim=1)
        low, high = torch.zeros(len(ones), device=ones.device), torch.ones(len(ones), device=ones.device)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            share = middle.view(-1, *(1,) * (ones.dim() - 1))
            values = self._values(ones + share * (others - ones))
            seen.append(values)
            same = values[:, -1].argmax(dim=1) == answers
            low, high = torch.where(same, middle, low), torch.where(same, high, middle)
        self.seen = torch.cat(seen)

    def _earliest(self) -> int | None:
        """The place to climb; None where it is the output, or nothing can be told because the output is always the same."""
        agreeing, tied = agreement(self.seen)
        decided = self.seen[~tied, -1].argmax(dim=1)
        if len(set(decided.tolist())) < 2:
            return None
        valid = [index for index in range(len(self.places.places)) if bool(agreeing[:, index].all())]
        if not valid:
            return None
        graph, places = self.places.graph, self.places.places
        first = valid[0]
        for index in valid[1:]:
            way = graph.between(places[first], places[index].node)
            if way and graph.is_plain(places[first], places[index].node):
                first = index
        if graph.is_plain(places[first], places[-1].node) and not self._are_hidden(first):
            return None
        return first

    def _are_hidden(self, index: int) -> bool:
        """Whether a tensor holds probabilities or products of them, whose logarithm is climbed."""
        values, place = self.seen[:, index], self.places.places[index]
        if self.target.facts.output is not OutputKind.LOGITS or place.logit_of is not None or bool((values < 0).any()):
            return False
        return self.places.graph.is_made_of_powers(place) or are_probabilities(values / values.sum(dim=1).median())

    def _climbing(self, index: int) -> Target:
        place = self.places.places[index]
        logarithm = self._are_hidden(index)
        scale, last = (1.0, index) if logarithm else self._scale(index)
        agreeing, tied = agreement(self.seen)
        rejected = [
            other.note.name
            for at, other in enumerate(self.places.places[:index])
            if not bool(agreeing[:, at].all()) and other.node != place.node
        ]
        tail = self.places.graph.tail(place)
        if self.target.facts.output is not OutputKind.LOGITS:
            tail = (*tail, "Softmax" if self.target.facts.output is OutputKind.SOFTMAX else "LogSoftmax")
        facts = ScoreFacts(
            tensor=place.note.name,
            operator=place.note.operator,
            tail=tail,
            points=len(self.seen),
            tied=int(tied.sum()),
            rejected=tuple(dict.fromkeys(rejected)),
            scale=scale,
            logarithm=logarithm,
            levels=self.places.graph.levels(place),
            single=place.logit_of is not None,
        )
        network = self.places.climbing(place, scale, logarithm)
        if logarithm and bool((self.seen[:, index] < torch.finfo(torch.float32).tiny).any()):
            network = self._precise(place) or network
        described = replace(self.target.facts, scores=facts)
        rounded = None
        if not self.places.graph.is_plain(place, self.places.places[last].node):
            rounded = self.places.climbing(self.places.places[last], self.places.places[last].note.unit or 1.0)
        return replace(self.target, network=network, whole=self.target.network, rounded=rounded, facts=described)

    def _precise(self, place: Place) -> nn.Module | None:
        """The network that climbs a tensor's logarithm in double precision; None where it does not run in it."""
        network = self.places.climbing(place, 1.0, logarithm=True, precise=True)
        with contextlib.suppress(RuntimeError, TypeError), torch.no_grad():
            if bool(network(self.target.prepare(self.images[:2])).isfinite().all()):
                return network
        return None

    def _scale(self, index: int) -> tuple[float, int]:
        """By how much the last tensor that is a multiple of this one is larger, and which: what a user's loss would be given.

        A factor behind the tensor (a gain, a rescaling quantizer) blinds ordinary attacks as one before it would, so it is
        kept: masking by scale is to be found, not to be taken away unseen.
        """
        agreeing, _ = agreement(self.seen)
        own = _centred(self.seen[:, index])
        unit = self.places.places[index].note.unit or 1.0
        scale, last = unit, index
        for at in range(index + 1, len(self.places.places)):
            other = self.places.places[at].note.unit
            rescaled = self.places.graph.is_rescaled(self.places.places[index], self.places.places[at].node)
            if other is None or not rescaled or not bool(agreeing[:, at].all()):
                continue
            values = _centred(self.seen[:, at]) * other
            factor = float((own * values).sum() / own.square().sum().clamp_min(torch.finfo(own.dtype).tiny))
            left = float((values - factor * own).square().sum() / values.square().sum().clamp_min(1e-30))
            if factor > 0 and 1 - left >= LIKE:
                scale, last = factor, at
        return scale, last


def agreement(values: Tensor) -> tuple[Tensor, Tensor]:
    """(P, m) bool: whether a tensor's largest entry is in a class that the output, the last of them, allows; (P,) bool: ties.

    values (P, m, d). The output allows every class that it ties at the top.
    """
    output = values[:, -1]
    top = output.amax(dim=1, keepdim=True)
    allowed = output >= top - ROUNDING * top.abs()
    chosen = values.argmax(dim=2)
    return allowed.gather(1, chosen), allowed.sum(dim=1) > 1


def _centred(values: Tensor) -> Tensor:
    """Scores (P, d) without what is common to all classes of an image."""
    plain = values.double()
    return plain - plain.mean(dim=1, keepdim=True)
