"""Search over the signs of a binary network's first layer, for images that gradient climbs do not fool.

Such a network sees of an image no more than the signs of its first layer. From the pattern of signs at the point reached, a
beam search goes over flips of those units whose sign the ball leaves open, through the layers behind them exactly, until
some patterns fool them; the signs that do not matter to that are left open; and for each pattern a point is looked for by
accelerated projected descent on the squares of the violated constraints. The network judges the points. Signs that no point
of a round could show cost more in the next one.

Without it (`python -m tests.bench.ablation`, 200 images, 300 gradients per image) 144 and 62 images of a binary MLP of two
layers of 64 units are left at 0.02 and 0.05 instead of 123 and 27, and take 190 and 125 gradients instead of 135 and 36; its
time is 4 s instead of 0.6. It applies to no other network of that bench.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bnnaudit.attacks.auto.units.patterns import FLOOR, Flags, LaterLayers, fooling_patterns, needed_units
from bnnaudit.attacks.best_so_far import BestSoFar, best_candidate
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored
from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import UsageError
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.numerics.losses import margin
from bnnaudit.numerics.norms import project_linf
from bnnaudit.numerics.randomness import uniform_block
from bnnaudit.quantization.binary_network import Array, BinaryNetwork, read_binary_network

CLEARANCE = 1e-3
"""How far from its threshold a unit's sum should be, in box units of its row's largest weight: float32 keeps its sign. Not
tuned."""
PATTERNS = 16
"""Fooling patterns of a round for which points are looked for. Not tuned."""
DESCENT_STEPS = 100
"""Steps of accelerated descent towards a pattern. Not tuned."""
JUDGED_EVERY = 10
"""Steps of descent after which the network is asked. Not tuned."""
AIM = 3
"""Clearances that the descent aims for: it nears its aim from outside. Not tuned."""
LEAST_COST = 0.02
"""What a flip costs whose sum is at its threshold, where one costs 1 whose sum must go as far as it can. Not tuned."""
CHANCE = (0.5, 1.5)
"""Random factors of these costs, so that rounds differ. Not tuned."""
DISORDER = 0.05
"""How much chance counts in the order in which signs are given up, in parts of the range of a sum. Not tuned."""
PENALTY = 1.5
"""What a sign costs more after a round that could not show it. Not tuned."""
MOST_UNITS = 1024
"""Hidden units of a network that is searched, and the root of its most parameters: the time of a round grows with both. Not
tuned."""


def searchable(target: Target, shape: tuple[int, ...]) -> BinaryNetwork | None:
    """The target read as a small fully connected network of signs for images of this shape; None where it is no such one."""
    if len(target.facts.quantizers) > MOST_UNITS or target.facts.parameters > MOST_UNITS**2:
        return None
    try:
        network = read_binary_network(target, shape, "auto")
    except UsageError:
        return None
    return network if sum(len(layer.bias) for layer in network.layers) <= MOST_UNITS else None


def search_units(context: Context, network: BinaryNetwork, batch: Batch, starts: Tensor, rounds: int) -> Outcome:
    """Looks for points of the L-inf ball and the box that fool the network, for each of N images.

    network: the target, read. starts (N, ...): where an attack left off, in ball and box. rounds: of choosing patterns and
    looking for points, the most for an image. `fooled_at` counts rounds. The first success is given back, else the point of
    least margin. No image's result depends on the others.
    """
    found, rows = [], _Rows.of(network, context.threat.box.width)
    for index in range(len(batch)):
        one = slice(index, index + 1)
        found.append(_UnitSearch.of(context, network, rows, batch.select(one)).run(starts[one], rounds))
    return Outcome.joined(found, batch.images)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The first layer: weights (r, n) of Euclidean length 1, bias and clearance (r,) in their scale.

    smoothness: the largest eigenvalue of the weights' Gram matrix.
    """

    weights: Array
    bias: Array
    clearance: Array
    smoothness: float

    @classmethod
    def of(cls, network: BinaryNetwork, width: float) -> _Rows:
        """The first layer of a network whose box has that width."""
        layer = network.layers[0]
        lengths = np.sqrt((layer.weights**2).sum(axis=1)).clip(FLOOR)
        weights = layer.weights / lengths[:, None]
        smoothness = float(np.linalg.eigvalsh(weights @ weights.T)[-1])
        return cls(weights, layer.bias / lengths, CLEARANCE * width / lengths, max(smoothness, FLOOR))

    def sums(self, points: Array) -> Array:
        """(M, n) -> (M, r)."""
        return np.asarray(points @ self.weights.T + self.bias)


@dataclass(frozen=True, slots=True, eq=False)
class _Ball:
    """Ball and box of one image: the pixels' ranges low, high (n,), and how far the sums can be beyond their thresholds there.

    reach (r, 2): at most, towards -1 and towards +1; negative where that sign cannot be.
    """

    low: Array
    high: Array
    reach: Array

    @classmethod
    def of(cls, image: Array, threat: Threat, rows: _Rows) -> _Ball:
        """Around an image (n,)."""
        low = np.maximum(image - threat.radius, threat.box.low)
        high = np.minimum(image + threat.radius, threat.box.high)
        middle, spread = rows.sums((low + high)[None] / 2)[0], np.abs(rows.weights) @ ((high - low) / 2)
        return cls(low, high, np.stack([spread - middle, spread + middle], axis=1))


@dataclass(slots=True, eq=False)
class _UnitSearch:
    """The search from one image, the only one of the batch `one`. Written in place by one search only.

    penalties (r, 2): by what factor each unit's -1 and +1 cost more, by experience.
    """

    context: Context
    later: LaterLayers
    rows: _Rows
    ball: _Ball
    one: Batch
    best: BestSoFar
    penalties: Array
    forwards: int = 0

    @classmethod
    def of(cls, context: Context, network: BinaryNetwork, rows: _Rows, one: Batch) -> _UnitSearch:
        """A search that has not begun."""
        ball = _Ball.of(one.images.flatten().double().cpu().numpy(), context.threat, rows)
        penalties = np.ones((len(rows.bias), 2))
        return cls(context, LaterLayers.of(network, int(one.labels)), rows, ball, one, BestSoFar.blank(one), penalties)

    def run(self, start: Tensor, rounds: int) -> Outcome:
        """All rounds from a point (1, ...), until one succeeds."""
        current = start.flatten(1).double().cpu().numpy()
        self._judge(current, 0)
        is_open = np.asarray((self.ball.reach > self.rows.clearance[:, None]).all(axis=1))
        for index in range(1, rounds + 1):
            if self.best.fooled or not is_open.any() or self.context.deadline.passed:
                break
            current = self._round(current, is_open, index)
        return self.best.outcome(Cost(forwards=self.forwards))

    def _judge(self, points: Array, index: int) -> Array:
        """True margins (M,) of points (M, n); the best is kept."""
        images = torch.from_numpy(points).to(self.one.images).view(-1, *self.one.images.shape[1:])
        threat, origin = self.context.threat, self.one.images
        images = as_stored(project_linf(images, origin, threat.radius, threat.box.low, threat.box.high), origin, threat)
        logits = self.context.judged(images)
        self.forwards += len(images)
        labels = self.one.labels.expand(len(images))
        margins = margin(logits, labels).float()
        wrong = logits.argmax(dim=1) != labels
        pick = best_candidate(margins[None], wrong[None])
        self.best.note(torch.zeros_like(pick), images[pick], margins[pick], ~wrong[pick], index, onward=False)
        return margins.double().cpu().numpy()

    def _round(self, current: Array, is_open: Flags, index: int) -> Array:
        """One round from the point (1, n); the point to go on from."""
        shape = (2, len(is_open))
        draws = uniform_block(self.context.seed, self.one.ids.tolist(), 0, index, shape)[0].double().numpy()
        sums = self.rows.sums(current)[0]
        units = np.where(sums >= 0, 1.0, -1.0)
        costs = self._costs(units, sums, draws[0])
        patterns = fooling_patterns(self.later, units, costs, np.flatnonzero(is_open), PATTERNS)
        if len(patterns) == 0:
            return np.asarray((self.ball.low + self.ball.high) / 2)[None]
        held = patterns * sums / np.maximum(self.ball.reach.sum(axis=1), FLOOR)
        needed = needed_units(self.later, patterns, held + DISORDER * draws[1], is_open)
        points = np.repeat(current, len(patterns), axis=0)
        points, margins, violations = self._descent(points, patterns, needed, index)
        self._learn(patterns, violations > 0)
        total = violations.sum(axis=1)
        place = total.argmin() if index % 2 else margins.argmin()
        return points[place : place + 1]

    def _learn(self, patterns: Array, missed: Flags) -> None:
        """Signs that points missed (M, r) cost more from now on, the others less, but never less than at first."""
        for side, sign in enumerate((-1.0, 1.0)):
            share = (missed & (patterns == sign)).mean(axis=0)
            factor = np.where(share > 0, PENALTY**share, 1 / PENALTY)
            self.penalties[:, side] = np.maximum(1.0, self.penalties[:, side] * factor)

    def _costs(self, units: Array, sums: Array, draws: Array) -> Array:
        """What flipping each unit costs (r,): the part of its range that its sum must go, by chance and by experience."""
        side = (units < 0).astype(int)
        each = np.arange(len(units))
        factors = CHANCE[0] + (CHANCE[1] - CHANCE[0]) * draws
        room = np.abs(sums) + np.maximum(self.ball.reach[each, side], FLOOR)
        return np.asarray((LEAST_COST + np.abs(sums) / room) * factors * self.penalties[each, side])

    def _descent(self, points: Array, patterns: Array, needed: Flags, index: int) -> tuple[Array, Array, Array]:
        """Points (M, n) that show the needed signs as far as may be, their margins (M,), and what is missing (M, r).

        Projected gradient descent with Nesterov's momentum, which starts anew where it points uphill. Patterns that no
        point can show, as the forces on a point prove where no point of the ball gives in to them, are left there.
        """
        rows, found, margins = self.rows, points.copy(), np.full(len(points), np.inf)
        going = np.arange(len(points))
        ahead, age = points, np.zeros((len(points), 1))
        for step in range(1, DESCENT_STEPS + 1):
            signs = patterns[going]
            missing = np.where(needed[going], np.maximum(0.0, AIM * rows.clearance - signs * rows.sums(ahead)), 0.0)
            forces = missing * signs
            push = forces @ rows.weights
            points = np.clip(ahead + push / rows.smoothness, self.ball.low, self.ball.high)
            moved = points - found[going]
            age = np.where((push * moved).sum(axis=1, keepdims=True) < 0, 0, age + 1)
            ahead = points + age / (age + 3) * moved
            found[going] = points
            if step % JUDGED_EVERY == 0:
                margins[going] = self._judge(points, index)
                most = np.maximum(push * self.ball.low, push * self.ball.high).sum(axis=1)
                hopeless = forces @ rows.bias + most < missing @ rows.clearance
                going, ahead, age = going[~hopeless], ahead[~hopeless], age[~hopeless]
                if self.best.fooled or len(going) == 0:
                    break
        return found, margins, np.where(needed, np.maximum(0.0, rows.clearance - patterns * rows.sums(found)), 0.0)
