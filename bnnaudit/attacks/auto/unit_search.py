"""Search over the signs of a binary network's first layer, for images that climbs by gradients leave standing.

Such a network sees of an image no more than the signs of its first layer. From the pattern of signs at the point reached, a
beam search goes over flips of those units whose sign the ball leaves open, through the layers behind them exactly, until
some patterns fool them; the signs that do not matter to that are left open; and for each pattern a point is looked for by
accelerated projected descent on the squares of the violated constraints. The network judges the points. Signs that no point
of a round could show cost more in the next one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.numerics.losses import margin
from bnnaudit.numerics.norms import project_linf
from bnnaudit.numerics.randomness import uniform_block
from bnnaudit.quantization.binary_network import Array, BinaryNetwork

Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

CLEARANCE = 1e-3
"""How far from its threshold a unit's sum should be, in box units of its row's largest weight: float32 keeps its sign."""
BEAM = 32
"""Patterns that a depth of the beam search goes on from."""
MOST_FLIPS = 16
"""Depths of the beam search."""
PATTERNS = 16
"""Fooling patterns of a round for which points are looked for."""
MOST_ENUMERATED = 12
"""With no more open units all patterns are gone through, in place of the beam search."""
TRADES = (0.5, 1.0, 2.0, 4.0)
"""Prices of what is left of the margin, in the price at which the best single flips bring it down; a part of the beam each."""
SOFTNESS = 0.5
"""Width of the later layers' signs where they guide the search, in root mean squares of the sums."""
DESCENT_STEPS = 100
"""Steps of accelerated descent towards a pattern."""
JUDGED_EVERY = 20
"""Steps of descent after which the network is asked."""
AIM = 3
"""Clearances that the descent aims for: it nears its aim from outside."""
LEAST_COST = 0.02
"""What a flip costs whose sum is at its threshold, where one costs 1 whose sum must go as far as it can."""
DISORDER = 0.05
"""How much chance counts in the order in which signs are given up, in parts of the way that a sum can go."""
DEARER = 1.5
"""What a sign costs more after a round that could not show it."""
TIE = 1e-6
"""Relative difference of logits that counts as none: of equal logits the first wins."""


def search_units(context: Context, network: BinaryNetwork, batch: Batch, starts: Tensor, rounds: int) -> Outcome:
    """Looks for points of the L-inf ball and the box that fool the network, for each of N images.

    network: the target, read. starts (N, ...): where an attack left off, in ball and box. rounds: of choosing patterns and
    looking for points, the most for an image. `fooled_at` counts rounds. The first success is given back, else the point of
    least margin. No image's result depends on the others.
    """
    found = []
    for index in range(len(batch)):
        one = slice(index, index + 1)
        found.append(_Search.of(context, network, batch.select(one), starts[one]).run(rounds))
    return Outcome.joined(found, batch.images)


@dataclass(frozen=True, slots=True, eq=False)
class _Behind:
    """The network behind its first layer, for one label.

    towards (d - 1, r), ahead (d - 1,): how far each other logit is ahead of the label's; ties count by the order of classes.
    """

    network: BinaryNetwork
    towards: Array
    ahead: Array

    @classmethod
    def of(cls, network: BinaryNetwork, label: int) -> _Behind:
        others = np.delete(np.arange(len(network.bias)), label)
        towards = network.weights[others] - network.weights[label]
        ahead = network.bias[others] - network.bias[label]
        scale = TIE * (np.abs(network.weights).sum(axis=1).max() + np.abs(network.bias).max())
        return cls(network, towards, ahead + np.where(others < label, scale, -scale))

    def lead(self, patterns: Array) -> Array:
        """How far the strongest other class is ahead (M,) where the first layer shows these patterns (M, r)."""
        for layer in self.network.layers[1:]:
            patterns = layer.units(patterns)
        return np.asarray((patterns @ self.towards.T + self.ahead).max(axis=1))

    def soft_lead(self, patterns: Array, width: float) -> Array:
        """The same where the later layers' signs are smooth, so that sums on their way over a threshold count."""
        for layer in self.network.layers[1:]:
            scale = np.sqrt((layer.weights**2).sum(axis=1))
            patterns = np.tanh(layer.sums(patterns) / (width * scale))
        return np.asarray((patterns @ self.towards.T + self.ahead).max(axis=1))

    def sure(self, patterns: Array, unknown: Flags) -> Flags:
        """Whether these patterns (M, r) surely fool whatever the signs of the unknown units (M, r) bool are: by intervals."""
        for layer in self.network.layers[1:]:
            middle = layer.sums(np.where(unknown, 0.0, patterns))
            spread = unknown @ np.abs(layer.weights).T
            patterns, unknown = np.where(middle >= 0, 1.0, -1.0), np.abs(middle) <= spread
        least = np.where(unknown, 0.0, patterns) @ self.towards.T + self.ahead - unknown @ np.abs(self.towards).T
        return np.asarray(least.max(axis=1) > 0)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The first layer over ball and box of one image: weights (r, n) of Euclidean length 1, bias and clearance (r,).

    low, high (n,): the pixels' ranges. reach (r, 2): the largest sum towards -1 and towards +1, each counted from the
    threshold. smoothness: the largest eigenvalue of weights' Gram matrix.
    """

    weights: Array
    bias: Array
    clearance: Array
    low: Array
    high: Array
    reach: Array
    smoothness: float

    @classmethod
    def of(cls, network: BinaryNetwork, low: Array, high: Array, width: float) -> _Rows:
        layer = network.layers[0]
        lengths = np.sqrt((layer.weights**2).sum(axis=1)).clip(1e-30)
        weights, bias = layer.weights / lengths[:, None], layer.bias / lengths
        middle, spread = weights @ ((low + high) / 2) + bias, np.abs(weights) @ ((high - low) / 2)
        reach = np.stack([spread - middle, spread + middle], axis=1)
        smoothness = float(np.linalg.eigvalsh(weights @ weights.T)[-1])
        return cls(weights, bias, CLEARANCE * width / lengths, low, high, reach, smoothness)

    def sums(self, points: Array) -> Array:
        """(M, n) -> (M, r)."""
        return np.asarray(points @ self.weights.T + self.bias)


@dataclass(frozen=True, slots=True, eq=False)
class _Patterns:
    """Signs (M, r) that the first layer might show, and what the flips to them cost (M,)."""

    signs: Array
    costs: Array

    def select(self, index: Flags | Places) -> _Patterns:
        """Those at `index`, a mask or places."""
        return _Patterns(self.signs[index], self.costs[index])

    def joined(self, other: _Patterns) -> _Patterns:
        """These and those."""
        return _Patterns(np.concatenate([self.signs, other.signs]), np.concatenate([self.costs, other.costs]))

    def cheapest(self, count: int) -> _Patterns:
        """The cheapest ones, in order."""
        return self.select(self.costs.argsort(kind="stable")[:count])

    def flipped_once(self, units: Array, costs: Array, free: Places) -> _Patterns:
        """Every pattern with one more of the free units flipped that is still as in units (r,), each once."""
        signs = np.repeat(self.signs, len(free), axis=0)
        each, places = np.arange(len(signs)), np.tile(free, len(self.signs))
        untouched = signs[each, places] == units[places]
        signs[each, places] = -units[places]
        children = _Patterns(signs, np.repeat(self.costs, len(free)) + costs[places]).select(untouched)
        packed = np.packbits(children.signs > 0, axis=1)
        return children.select(np.unique(packed, axis=0, return_index=True)[1])


@dataclass(slots=True, eq=False)
class _Search:
    """The search from one image; `one` is a batch of it alone. best: image, margin, round of the success or -1."""

    context: Context
    behind: _Behind
    rows: _Rows
    one: Batch
    best: Tensor
    margin: float
    fooled_at: int
    forwards: int
    burden: Array

    @classmethod
    def of(cls, context: Context, network: BinaryNetwork, one: Batch, start: Tensor) -> _Search:
        threat, image = context.threat, one.images.flatten().double().cpu().numpy()
        low = np.maximum(image - threat.radius, threat.box.low)
        high = np.minimum(image + threat.radius, threat.box.high)
        rows = _Rows.of(network, low, high, threat.box.width)
        burden = np.ones((len(rows.bias), 2))
        behind = _Behind.of(network, int(one.labels))
        return cls(context, behind, rows, one, start, np.inf, -1, 0, burden)

    def run(self, rounds: int) -> Outcome:
        """All rounds, until one succeeds."""
        current = self.best.flatten(1).double().cpu().numpy()
        self._judge(current, 0)
        is_open = np.asarray((self.rows.reach > self.rows.clearance[:, None]).all(axis=1))
        for index in range(1, rounds + 1):
            if self.fooled_at >= 0 or not is_open.any():
                break
            current = self._round(current, is_open, index)
        device = self.best.device
        return Outcome(
            images=self.best,
            fooled=torch.tensor([self.fooled_at >= 0], device=device),
            fooled_at=torch.tensor([self.fooled_at], device=device),
            margins=torch.tensor([self.margin], device=device),
            betas=torch.ones(1, device=device),
            cost=Cost(forwards=self.forwards),
        )

    def _judge(self, points: Array, index: int) -> Array:
        """True margins (M,) of points (M, n); the best is kept."""
        images = torch.from_numpy(points).to(self.one.images).view(-1, *self.one.images.shape[1:])
        threat, origin = self.context.threat, self.one.images
        images = as_stored(project_linf(images, origin, threat.radius, threat.box.low, threat.box.high), origin, threat)
        logits = torch.cat([self.context.judged(part) for part in torch.split(images, self.context.batch_size)])
        self.forwards += len(images)
        labels = self.one.labels.expand(len(images))
        margins, wrong = margin(logits, labels).float(), logits.argmax(dim=1) != labels
        if self.fooled_at < 0:
            place = int(torch.where(wrong, -torch.inf, margins).argmin())
            if bool(wrong[place]) or float(margins[place]) < self.margin:
                self.best, self.margin = images[place : place + 1], float(margins[place])
                self.fooled_at = index if bool(wrong[place]) else -1
        return margins.double().cpu().numpy()

    def _round(self, current: Array, is_open: Flags, index: int) -> Array:
        """One round from the point (1, n); the point to go on from."""
        shape = (3, len(is_open))
        draws = uniform_block(self.context.seed, self.one.ids.tolist(), 0, index, shape)[0].double().numpy()
        sums = self.rows.sums(current)[0]
        units = np.where(sums >= 0, 1.0, -1.0)
        costs = self._costs(units, sums, draws[0])
        patterns = self._patterns(units, costs, np.flatnonzero(is_open))
        if len(patterns) == 0:
            return (self.rows.low + (self.rows.high - self.rows.low) * 0.5)[None]
        needed = self._needed(patterns, sums, is_open, draws[1])
        points = np.repeat(current, len(patterns), axis=0)
        points, margins, violations = self._descent(points, patterns, needed, index)
        violated = (violations > 0) & needed
        for side, sign in enumerate((-1.0, 1.0)):
            share = (violated & (patterns == sign)).mean(axis=0)
            self.burden[:, side] = np.maximum(
                1.0, self.burden[:, side] * np.where(share > 0, DEARER**share, 1 / DEARER)
            )
        total = violations.sum(axis=1)
        place = total.argmin() if index % 2 else margins.argmin()
        return points[place : place + 1]

    def _costs(self, units: Array, sums: Array, draws: Array) -> Array:
        """What flipping each unit costs (r,): the part of its way that its sum must go, by chance and by experience."""
        side = (units < 0).astype(int)
        each = np.arange(len(units))
        room = np.abs(sums) + np.maximum(self.rows.reach[each, side], 1e-12)
        return np.asarray((LEAST_COST + np.abs(sums) / room) * (0.5 + draws) * self.burden[each, side])

    def _patterns(self, units: Array, costs: Array, free: Places) -> Array:
        """The cheapest patterns (M, r) found that fool the network: of all where few units are free, else by a beam search."""
        if len(free) <= MOST_ENUMERATED:
            chosen = np.array(list(itertools.product([False, True], repeat=len(free))))
            patterns = np.repeat(units[None], len(chosen), axis=0)
            patterns[:, free] *= np.where(chosen, -1.0, 1.0)
            fools = self.behind.lead(patterns) > 0
            return np.asarray(patterns[fools][(chosen[fools] @ costs[free]).argsort(kind="stable")[:PATTERNS]])
        beam, found = _Patterns(units[None], np.zeros(1)), _Patterns(np.empty((0, len(units))), np.zeros(0))
        price = self._price(units, costs, free)
        for _ in range(min(MOST_FLIPS, len(free))):
            children = beam.flipped_once(units, costs, free)
            fools = self.behind.lead(children.signs) > 0
            found = found.joined(children.select(fools)).cheapest(PATTERNS)
            children = children.select(~fools)
            full = len(found.costs) == PATTERNS
            if len(children.costs) == 0 or (full and children.costs.min() > found.costs[-1]):
                break
            short = price * -self.behind.soft_lead(children.signs, SOFTNESS)
            best = [(children.costs + trade * short).argsort(kind="stable")[: BEAM // len(TRADES)] for trade in TRADES]
            beam = children.select(np.unique(np.concatenate(best)))
        return found.signs

    def _price(self, units: Array, costs: Array, free: Places) -> float:
        """Cost for each unit of margin, of the single flips that bring it down best."""
        flips = np.repeat(units[None], len(free), axis=0)
        flips[np.arange(len(free)), free] *= -1
        gains = self.behind.soft_lead(flips, SOFTNESS) - self.behind.soft_lead(units[None], SOFTNESS)
        rates = np.sort(costs[free] / np.maximum(gains, 1e-12))
        return float(np.median(rates[:5]))

    def _needed(self, patterns: Array, sums: Array, is_open: Flags, draws: Array) -> Flags:
        """The units (M, r) bool that must show their sign for the patterns (M, r) to fool for sure, of the open ones.

        Those that are hardest to hold are given up first.
        """
        held = patterns * sums / np.maximum(self.rows.reach.sum(axis=1), 1e-12)
        order = (held + DISORDER * draws).argsort(axis=1, kind="stable")
        unknown = np.zeros(patterns.shape, dtype=bool)
        each = np.arange(len(patterns))
        for place in range(patterns.shape[1]):
            tried = unknown.copy()
            tried[each, order[:, place]] = is_open[order[:, place]]
            sure = self.behind.sure(patterns, tried)
            unknown[sure] = tried[sure]
        return np.asarray(~unknown & is_open)

    def _descent(self, points: Array, patterns: Array, needed: Flags, index: int) -> tuple[Array, Array, Array]:
        """Points (M, n) that show the needed signs as far as may be, their margins (M,), and what is missing (M, r)."""
        rows = self.rows
        aim = AIM * rows.clearance
        ahead, previous = points, points
        age = np.zeros((len(points), 1))
        for step in range(1, DESCENT_STEPS + 1):
            missing = np.where(needed, np.maximum(0.0, aim - patterns * rows.sums(ahead)), 0.0)
            slope = -(missing * patterns) @ rows.weights
            points = np.clip(ahead - slope / rows.smoothness, rows.low, rows.high)
            moved = points - previous
            uphill = (slope * moved).sum(axis=1, keepdims=True) > 0
            age = np.where(uphill, 0, age + 1)
            ahead, previous = points + age / (age + 3) * moved, points
            if step % JUDGED_EVERY == 0:
                margins = self._judge(points, index)
                if self.fooled_at >= 0:
                    break
        violations = np.where(needed, np.maximum(0.0, rows.clearance - patterns * rows.sums(points)), 0.0)
        return points, margins, violations
