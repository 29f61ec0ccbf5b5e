"""IPROP: target propagation with a mixed-integer program a layer ([Khalil et al. 2019]), for networks of signs.

From the point reached, a few units of the last hidden layer are chosen whose flips would move the logits from the true
class to the strongest other one. A program asks which units of the layer before must flip, as few as possible, so that as
many of these as possible do; another asks the same for those; down to the first layer, where the program's variables are
the pixels, free within ball and box. The point found is kept where the network's own margin does not grow. A program is
solved by a few linear relaxations (HiGHS), not to a proven optimum or for so many seconds: on the way down a heuristic is
enough, the network is the judge, and the result does not depend on the machine's speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bnnaudit.attacks.context import Context
from bnnaudit.core.attack import AttackSettings
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
"""How far from a whole number a variable may be that counts as one."""
CLEARANCE = 1e-3
"""How far from its threshold a chosen unit's sum must be, its row's largest weight being 1: float32 keeps its sign."""
CHANGE_COST = 1e-3
"""What flipping a unit of the layer before costs, in units of the next layer that flip as wanted."""
KEPT_GAIN = 0.1
"""What a first-layer unit that stays as it is is worth, in units that flip as wanted."""


def image_steps(settings: AttackSettings) -> int:
    """`settings.steps` in each restart."""
    return settings.steps * settings.restarts


def attack(settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
    """`settings.steps` rounds of propagation in each of `settings.restarts` restarts, L-inf only.

    Raises UsageError for a network that is not affine between signs, and where scipy is not installed.
    """
    solve = _solver()
    network = read_binary_network(context.target, tuple(batch.images.shape[1:]), "iprop")
    found = [_Search(settings, context, network, solve, batch.select(slice(i, i + 1))).run() for i in range(len(batch))]
    return Outcome.joined(found, batch.images)


def _solver() -> Any:
    """scipy's mixed-integer solver (HiGHS), which the extra `milp` installs."""
    try:
        from scipy import optimize
    except ImportError:
        raise UsageError("method: iprop needs scipy; install it with: pip install 'bnnaudit[milp]'") from None
    return optimize


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the units (r,) of a layer should be: signs of -1, +1, and gains >= 0; a unit of gain 0 may be either."""

    signs: Array
    gains: Array


@dataclass(frozen=True, slots=True)
class _Point:
    """An image (1, ...), its margin, whether the network gets it wrong, and the step that found it (-1: it does not)."""

    image: Tensor
    margin: float
    fooled: bool
    step: int

    def improved(self, other: _Point) -> _Point:
        """The better of both: a success, then the smaller margin, then this one."""
        return other if (other.fooled, -other.margin) > (self.fooled, -self.margin) else self


@dataclass(frozen=True, slots=True)
class _Search:
    """The search from one image; `one` is a batch of it alone, so that nothing depends on the others."""

    settings: AttackSettings
    context: Context
    network: BinaryNetwork
    solver: Any
    one: Batch

    def run(self) -> Outcome:
        """All restarts from the image itself, until one succeeds."""
        settings, origin = self.settings, self._judged(self.one.images, 0)
        best = current = origin
        left = image_steps(settings)
        for index in range(left):
            if best.fooled and settings.stop_at_success:
                break
            restart, step = divmod(index, settings.steps)
            current = origin if step == 0 else current
            found = self._judged(self._propagated(current.image, restart, step + 1), step + 1)
            current = found if found.margin <= current.margin else current
            best = best.improved(found)
            left -= 1
            self.context.on_progress(1)
        if left:
            self.context.on_progress(left)
        return self._outcome(best, looked_at=1 + image_steps(settings) - left)

    @torch.no_grad()
    def _judged(self, image: Tensor, step: int) -> _Point:
        """An image (1, ...) with what the network says of it, in its own arithmetic."""
        logits = self.context.logits(image)
        fooled = bool(logits.argmax(dim=1) != self.one.labels)
        return _Point(image, float(margin(logits, self.one.labels)), fooled, step if fooled else -1)

    def _outcome(self, best: _Point, looked_at: int) -> Outcome:
        device = best.image.device
        return Outcome(
            images=best.image,
            fooled=torch.tensor([best.fooled], device=device),
            fooled_at=torch.tensor([best.step], device=device),
            margins=torch.tensor([best.margin], device=device),
            betas=torch.ones(1, device=device),
            cost=Cost(forwards=looked_at),
        )

    def _propagated(self, image: Tensor, restart: int, step: int) -> Tensor:
        """The image (1, ...) that one round of propagation makes of this one, in ball and box."""
        flat = image.flatten(1).double().cpu().numpy()
        units = [layer[0] for layer in self.network.activations(flat)]
        wish = self._last_wish(units[-1], restart, step)
        for layer, before in zip(self.network.layers[:0:-1], units[-2::-1], strict=True):
            wish = self._wish_before(layer, wish, before)
        return self._wished_image(wish, units[0])

    def _last_wish(self, units: Array, restart: int, step: int) -> _Wish:
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
        return _Wish(-units, gains)

    def _wish_before(self, layer: BinaryLayer, wish: _Wish, before: Array) -> _Wish:
        """The units of the layer before (n,) that must flip for the wish to come true: as few as possible."""
        size = len(before)
        # With t = 1 where a unit flips, else 0, the unit is before * (1 - 2 t).
        rows = _Rows(-2 * layer.weights * before, layer.weights @ before + layer.bias)
        flips = _solved(self.solver, rows, wish, np.zeros(size), np.ones(size), CHANGE_COST)
        return _Wish(-before, np.where(flips > ROUNDING, 1.0, 0.0))

    def _wished_image(self, wish: _Wish, units: Array) -> Tensor:
        """The image of ball and box in whose first layer most of the wish (r,) comes true, and most else stays."""
        threat, image = self.context.threat, self.one.images
        box, layer = threat.box, self.network.layers[0]
        origin = (image.flatten().double().cpu().numpy() - box.low) / box.width
        # In units of the [0,1] image.
        rows = _Rows(layer.weights, (layer.bias + layer.weights.sum(axis=1) * box.low) / box.width)
        all_units = _Wish(np.where(wish.gains > 0, wish.signs, units), np.where(wish.gains > 0, wish.gains, KEPT_GAIN))
        low, high = np.clip(origin - threat.eps, 0, 1), np.clip(origin + threat.eps, 0, 1)
        pixels = _solved(self.solver, rows, all_units, low, high, 0.0)
        point = torch.from_numpy(box.low + box.width * pixels).to(image).view_as(image)
        return project_linf(point, image, threat.radius, box.low, box.high)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Sums of r units as they depend on n variables: weights (r, n) @ variables + bias (r,)."""

    weights: Array
    bias: Array


def _solved(solver: Any, rows: _Rows, wish: _Wish, low: Array, high: Array, cost: float) -> Array:
    """Variables (n,) between low and high that fulfil the most gain of a wish, less `cost` for each unit of them.

    The mixed-integer program: where unit j is fulfilled, signs[j] * sums[j] >= CLEARANCE; a binary variable says so. It is
    solved by relaxing and fixing: of the relaxation's binaries those that reach 1 stay there, the lower half of the others
    is given up, and the program is solved again for the rest.
    """
    weights, bias = rows.weights * wish.signs[:, None], rows.bias * wish.signs
    positive, negative = np.maximum(weights, 0), np.minimum(weights, 0)
    least, most = positive @ low + negative @ high + bias, positive @ high + negative @ low + bias
    open_ones = (wish.gains > 0) & (least < CLEARANCE) & (most >= CLEARANCE)
    size, count = len(low), int(open_ones.sum())
    slack = CLEARANCE - least[open_ones]
    matrix = np.hstack([-weights[open_ones], np.diag(slack)])
    objective = np.concatenate([np.full(size, cost), -wish.gains[open_ones]])
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
