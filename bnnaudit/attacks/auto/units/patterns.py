"""Patterns of signs that a binary network's first layer would have to show for the layers behind it to be fooled.

The layers behind see nothing but the signs, and are exact and cheap to ask about thousands of patterns at once.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnnaudit.quantization.binary_network import Array, BinaryNetwork

Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

BEAM = 32
"""Patterns that a depth of the beam search goes on from. Not tuned."""
MOST_FLIPS = 16
"""Depths of the beam search. Not tuned."""
MOST_FREE = 256
"""Units that the beam search flips, the cheapest ones: it looks at so many patterns for each of its own. Not tuned."""
MOST_ENUMERATED = 12
"""With no more open units all patterns are enumerated: 4,096 of them, where one depth of a beam search looks at up to 8,192."""
TRADES = (0.5, 1.0, 2.0, 4.0)
"""Prices of what is left of the margin, in the price at which the best single flips bring it down; a part of the beam each.
Not tuned."""
SOFTNESS = 0.5
"""Width of the later layers' signs where they guide the search, in root mean squares of the sums. Not tuned."""
PRICED = 5
"""Single flips, the best ones, whose median sets that price. Not tuned."""
FLOOR = 1e-12
"""Under a division, in place of what may be 0."""
TIE = 1e-6
"""Relative difference of logits that counts as none, eight times the rounding of float32: of equal logits the first wins."""


@dataclass(frozen=True, slots=True, eq=False)
class LaterLayers:
    """The network behind its first layer, for one label.

    towards (d - 1, r), ahead (d - 1,): how far each other logit is ahead of the label's; ties count by the order of classes.
    """

    network: BinaryNetwork
    towards: Array
    ahead: Array

    @classmethod
    def of(cls, network: BinaryNetwork, label: int) -> LaterLayers:
        """What is behind the first layer of a network, for images of that label."""
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


def fooling_patterns(later: LaterLayers, units: Array, costs: Array, free: Places, most: int) -> Array:
    """The cheapest patterns (M, r) found that fool the network, at most so many, cheapest first.

    units (r,): the signs to flip from; costs (r,) of the flips; free: the units that may be flipped. With few of these all
    patterns are enumerated, else a beam search flips one after the other.
    """
    if len(free) <= MOST_ENUMERATED:
        chosen = np.array(list(itertools.product([False, True], repeat=len(free))))
        patterns = np.repeat(units[None], len(chosen), axis=0)
        patterns[:, free] *= np.where(chosen, -1.0, 1.0)
        fools = later.lead(patterns) > 0
        return np.asarray(patterns[fools][(chosen[fools] @ costs[free]).argsort(kind="stable")[:most]])
    free = np.sort(free[costs[free].argsort(kind="stable")[:MOST_FREE]])
    beam, found = _Patterns(units[None], np.zeros(1)), _Patterns(np.empty((0, len(units))), np.zeros(0))
    price = _price(later, units, costs, free)
    for _ in range(min(MOST_FLIPS, len(free))):
        children = beam.flipped_once(units, costs, free)
        fools = later.lead(children.signs) > 0
        found = found.joined(children.select(fools)).cheapest(most)
        children = children.select(~fools)
        full = len(found.costs) == most
        if len(children.costs) == 0 or (full and children.costs.min() > found.costs[-1]):
            break
        short = price * -later.soft_lead(children.signs, SOFTNESS)
        best = [(children.costs + trade * short).argsort(kind="stable")[: BEAM // len(TRADES)] for trade in TRADES]
        beam = children.select(np.unique(np.concatenate(best)))
    return found.signs


def _price(later: LaterLayers, units: Array, costs: Array, free: Places) -> float:
    """Cost for each unit of margin, of the single flips that bring it down best."""
    flips = np.repeat(units[None], len(free), axis=0)
    flips[np.arange(len(free)), free] *= -1
    gains = later.soft_lead(flips, SOFTNESS) - later.soft_lead(units[None], SOFTNESS)
    rates = np.sort(costs[free] / np.maximum(gains, FLOOR))
    return float(np.median(rates[:PRICED]))


def needed_units(later: LaterLayers, patterns: Array, held: Array, is_open: Flags) -> Flags:
    """The units (M, r) bool that must show their sign for the patterns (M, r) to fool for sure, of the open ones (r,).

    held (M, r): how easily each unit keeps its sign; the hardest ones are given up first.
    """
    order = held.argsort(axis=1, kind="stable")
    unknown = np.zeros(patterns.shape, dtype=bool)
    each = np.arange(len(patterns))
    for place in range(patterns.shape[1]):
        tried = unknown.copy()
        tried[each, order[:, place]] = is_open[order[:, place]]
        sure = later.sure(patterns, tried)
        unknown[sure] = tried[sure]
    return np.asarray(~unknown & is_open)
