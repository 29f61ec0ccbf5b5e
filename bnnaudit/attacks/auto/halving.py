"""Which settings are worth running, found out on a few of the images that still stand.

A setting is worth what it takes off the true margin, not what it adds to its own loss. Successive halving: all settings on
a few images in a few steps, the better half on more images in more steps, and so on; then a portfolio is put together
greedily, each further setting for what it does where those before it do little.

Why halving: `python -m tests.bench.choosing` compares it, at an equal budget, with no choice at all (one setting of each
kind), with every candidate on the same images, and with a choice for each image by finite differences of its margin along
each candidate's step. They leave, in this order (none, grid, halving, by image), 17.0, 18.0, 17.5 and 21.5 % of
digits-bnn-waq at 0.05 (200 images, budget 500), 18, 20, 19 and 19 % of the gtsrb network at 1/255 (100 images, budget 500),
and 62, 60, 62 and 60 % of the 2-bit MNIST network at 0.2 (50 images, budget 200). Their intervals overlap throughout; by
image is behind where they differ most. Halving does as well as the grid with fewer gradients (16 to 34 % of the budget) and at
budgets that are too small for the grid; it is kept over no choice for networks unlike those that the fixed settings were
found on, where what it spends is not lost, since trials are attacks as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.core.attack import Pgd

ROUNDS: tuple[tuple[int, int], ...] = ((8, 10), (16, 20), (32, 20))
"""Images and steps of each round of halving."""
FEWEST = 4
"""On fewer images nothing is chosen."""
PORTFOLIO = 5
"""Settings that a portfolio has at most."""
WORTH = 0.005
"""The least further fall of the margin, as a fraction of it, for which a setting joins the portfolio."""

Trial = Callable[[Pgd, int, int], Tensor]
"""(settings, images, steps) -> what the climb took off the margin of each of the first images, as a fraction: (N,)."""


def price(candidates: int, images: int) -> int:
    """Gradient evaluations that choosing among so many candidates on so many images takes."""
    total = 0
    for most, steps in ROUNDS:
        used = min(most, images)
        total += candidates * used * steps
        candidates = _kept(candidates)
        if used == images:
            break
    return total


def _kept(candidates: int) -> int:
    """How many go on to the next round."""
    return min(candidates, max(PORTFOLIO, (candidates + 1) // 2))


@dataclass(frozen=True, slots=True)
class _Scored:
    settings: Pgd
    falls: Tensor


def choose(candidates: Sequence[Pgd], available: int, trial: Trial) -> tuple[Pgd, ...]:
    """The portfolio, the best setting first, chosen on at most `available` images."""
    left = [_Scored(settings, torch.zeros(0)) for settings in candidates]
    for images, steps in ROUNDS:
        used = min(images, available)
        left = [_Scored(entry.settings, trial(entry.settings, used, steps)) for entry in left]
        left = sorted(left, key=lambda entry: -float(entry.falls.mean()))[: _kept(len(left))]
        if used == available:
            break
    return greedily([entry.settings for entry in left], [entry.falls for entry in left])


def greedily(candidates: Sequence[Pgd], falls: Sequence[Tensor]) -> tuple[Pgd, ...]:
    """The portfolio, by what each candidate took off the margins of the same images, (N,) each.

    The best setting, then whichever adds most to those before it.
    """
    chosen: list[Pgd] = []
    so_far = torch.zeros_like(falls[0])
    left = list(zip(candidates, falls, strict=True))
    while left and len(chosen) < PORTFOLIO:
        gains = [float((torch.maximum(so_far, fall) - so_far).mean()) for _, fall in left]
        best = max(range(len(left)), key=gains.__getitem__)
        if chosen and gains[best] < WORTH:
            break
        settings, fall = left.pop(best)
        chosen.append(settings)
        so_far = torch.maximum(so_far, fall)
    return tuple(chosen)
