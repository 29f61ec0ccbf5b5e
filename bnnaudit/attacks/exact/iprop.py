"""IPROP: target propagation with a mixed-integer program a layer ([Khalil et al. 2019]), for networks of signs.

From the point reached, a few units of the last hidden layer are chosen whose flips would move the logits from the true
class to the strongest other one. A program asks which units of the layer before must flip, as few as possible, so that as
many of these as possible do; another asks the same for those; down to the first layer, where the program's variables are
the pixels, free within ball and box. The point found is kept where the network's own margin does not grow. A program is
solved by a few linear relaxations (HiGHS), not to a proven optimum or for so many seconds: on the way down a heuristic is
enough, the network has the last word, and the result does not depend on the machine's speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.context import Context
from bnnaudit.core.attack import Iprop
from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import UsageError
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.numerics.losses import margin
from bnnaudit.numerics.norms import project_linf
from bnnaudit.numerics.randomness import uniform_block
from bnnaudit.quantization.binary_network import Array, BinaryLayer, BinaryNetwork, read_binary_network

MOST_CHANGED = 5
"""Units of the last hidden layer that one step aims to flip, at most: [Khalil et al. 2019] find that small steps go furthest."""
ROUNDING = 1e-6
"""How far from a whole number a variable may be that counts as one. Not tuned."""
CLEARANCE = 1e-3
"""How far from its threshold a chosen unit's sum must be, its row's largest weight being 1: float32 keeps its sign. Not
tuned."""
CHANGE_COST = 1e-3
"""What flipping a unit of the layer before costs, in units of the next layer that flip as wanted. Not tuned."""
KEPT_GAIN = 0.1
"""What a first-layer unit that stays as it is is worth, in units that flip as wanted. Not tuned."""


def attack(settings: Iprop, context: Context, batch: Batch) -> Outcome:
    """`settings.steps` rounds of propagation in each of `settings.restarts` restarts, L-inf only.

    Raises UsageError for a network that is not affine between signs, and where scipy is not installed.
    """
    solve = _solver()
    network = read_binary_network(context.target, tuple(batch.images.shape[1:]), "iprop")
    found = [
        _Propagation(settings, context, network, solve, batch.select(slice(i, i + 1))).run() for i in range(len(batch))
    ]
    return Outcome.joined(found, batch.images)


def _solver() -> Any:
    """scipy's mixed-integer solver (HiGHS), which the extra `milp` installs."""
    try:
        from scipy import optimize
    except ImportError:
        raise UsageError("method: iprop needs scipy; install it with: pip install 'bnnaudit[milp]'") from None
    return optimize


@dataclass(frozen=True, slots=True)
class _Goals:
    """What the units (r,) of a layer should become: signs of -1, +1, and what each is worth, gains >= 0; 0 leaves it free."""

    signs: Array
    gains: Array


@dataclass(frozen=True, slots=True)
class _Propagation:
    """The search from one image; `one` is a batch of it alone, so that nothing depends on the others."""

    settings: Iprop
    context: Context
    network: BinaryNetwork
    solver: Any
    one: Batch

    def run(self) -> Outcome:
        """All restarts from the image itself, until one succeeds."""
        settings, left = self.settings, self.settings.image_steps
        best = BestSoFar.blank(self.one)
        start = self._judged(best, self.one.images, 0)
        image, margin_here = self.one.images, start
        for index in range(left):
            if settings.stop_at_success and bool(best.fooled):
                break
            restart, step = divmod(index, settings.steps)
            if step == 0:
                image, margin_here = self.one.images, start
            found = self._propagated(image, restart, step + 1)
            reached = self._judged(best, found, step + 1)
            if reached <= margin_here:
                image, margin_here = found, reached
            left -= 1
            self.context.on_progress(1)
        if left:
            self.context.on_progress(left)
        return best.outcome(Cost(forwards=1 + settings.image_steps - left))

    def _judged(self, best: BestSoFar, image: Tensor, step: int) -> float:
        """The margin of an image (1, ...) that `step` rounds made, by the network's own arithmetic; entered into the best."""
        logits = self.context.judged(image)
        best.judge(torch.zeros_like(self.one.labels), image, logits, self.one.labels, step)
        return float(margin(logits, self.one.labels))

    def _propagated(self, image: Tensor, restart: int, step: int) -> Tensor:
        """The image (1, ...) that one round of propagation makes of this one, in ball and box."""
        flat = image.flatten(1).double().cpu().numpy()
        units = [layer[0] for layer in self.network.activations(flat)]
        goals = self._goals_of_last_layer(units[-1], restart, step)
        for layer, before in zip(self.network.layers[:0:-1], units[-2::-1], strict=True):
            goals = self._goals_before(layer, goals, before)
        return self._image_for(goals, units[0])

    def _goals_of_last_layer(self, units: Array, restart: int, step: int) -> _Goals:
        """Some units (r,) of the last hidden layer that hold up the true class against another one should flip.

        Every other time, by the image's own randomness, the other class is the strongest one, else any.
        """
        logits, label = self.network.weights @ units + self.network.bias, int(self.one.labels)
        others = np.delete(np.arange(len(logits)), label)
        shape = (len(units) + 3,)
        draws = uniform_block(self.context.seed, self.one.ids.tolist(), restart, step, shape)[0].double().numpy()
        strongest = others[logits[others].argmax()]
        goal = strongest if draws[0] < 0.5 else others[int(draws[1] * len(others))]
        towards = self.network.weights[goal] - self.network.weights[label]
        candidates = np.flatnonzero(towards * units < 0)
        order = candidates[draws[3:][candidates].argsort(kind="stable")]
        chosen = order[: 1 + int(draws[2] * MOST_CHANGED)]
        gains = np.zeros(len(units))
        gains[chosen] = np.abs(towards[chosen]) / np.abs(towards).max(initial=1e-30)
        return _Goals(-units, gains)

    def _goals_before(self, layer: BinaryLayer, goals: _Goals, before: Array) -> _Goals:
        """The units of the layer before (n,) that must flip for the goals to be met: as few as possible."""
        size = len(before)
        # With t = 1 where a unit flips, else 0, the unit is before * (1 - 2 t).
        weights, bias = -2 * layer.weights * before, layer.weights @ before + layer.bias
        flips = _solved(self.solver, weights, bias, goals, np.zeros(size), np.ones(size), CHANGE_COST)
        return _Goals(-before, np.where(flips > ROUNDING, 1.0, 0.0))

    def _image_for(self, goals: _Goals, units: Array) -> Tensor:
        """The image of ball and box in whose first layer most of the goals (r,) are met, and most else stays."""
        threat, image = self.context.threat, self.one.images
        box, layer = threat.box, self.network.layers[0]
        origin = (image.flatten().double().cpu().numpy() - box.low) / box.width
        # In units of the [0,1] image.
        bias, wanted = (layer.bias + layer.weights.sum(axis=1) * box.low) / box.width, goals.gains > 0
        all_units = _Goals(np.where(wanted, goals.signs, units), np.where(wanted, goals.gains, KEPT_GAIN))
        low, high = np.clip(origin - threat.eps, 0, 1), np.clip(origin + threat.eps, 0, 1)
        pixels = _solved(self.solver, layer.weights, bias, all_units, low, high, 0.0)
        point = torch.from_numpy(box.low + box.width * pixels).to(image).view_as(image)
        return project_linf(point, image, threat.radius, box.low, box.high)


def _solved(solver: Any, weights: Array, bias: Array, goals: _Goals, low: Array, high: Array, cost: float) -> Array:
    """Variables (n,) between low and high that meet the most gain of the goals, less `cost` for each unit of them.

    weights (r, n), bias (r,): the units' sums are weights @ variables + bias. The mixed-integer program: where unit j is
    fulfilled, signs[j] * sums[j] >= CLEARANCE; a binary variable says so. It is solved by relaxing and fixing: of the
    relaxation's binaries those that reach 1 stay there, the lower half of the others is given up, and the program is solved
    again for the rest.
    """
    weights, bias = weights * goals.signs[:, None], bias * goals.signs
    positive, negative = np.maximum(weights, 0), np.minimum(weights, 0)
    least, most = positive @ low + negative @ high + bias, positive @ high + negative @ low + bias
    open_ones = (goals.gains > 0) & (least < CLEARANCE) & (most >= CLEARANCE)
    size, count = len(low), int(open_ones.sum())
    slack = CLEARANCE - least[open_ones]
    matrix = np.hstack([-weights[open_ones], np.diag(slack)])
    objective = np.concatenate([np.full(size, cost), -goals.gains[open_ones]])
    bounds = np.stack([np.concatenate([low, np.zeros(count)]), np.concatenate([high, np.ones(count)])], axis=1)
    found = (low + high) / 2 if cost == 0 else low
    while (undecided := bounds[size:, 0] < bounds[size:, 1]).any():
        solved = solver.linprog(objective, matrix, bias[open_ones] - CLEARANCE + slack, bounds=bounds, method="highs")
        if solved.x is None:
            break
        found, fulfilled = solved.x[:size], solved.x[size:]
        reached = undecided & (fulfilled > 1 - ROUNDING)
        bounds[size:, 0][reached] = 1 - ROUNDING
        rest = np.flatnonzero(undecided & ~reached)
        given_up = rest[fulfilled[rest].argsort(kind="stable")][: (len(rest) + 1) // 2]
        bounds[size:, 1][given_up] = 0
        bounds[size:, 1][reached] = bounds[size:, 0][reached]
    return np.clip(found, low, high)
