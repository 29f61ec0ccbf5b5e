"""Which settings are worth running, found on a few of the images not yet fooled.

A setting is worth what it takes off the true margin, not what it adds to its own loss. Successive halving: all settings on
a few images in a few steps, the better half on more images in more steps, and so on; then a portfolio is put together
greedily, each further setting for what it does where those before it do little.

What it brings depends on network and budget. `python -m tests.bench.ablation` (200 images of each network, the table is in
`tests/bench/results/ablation.md`) sets it beside one setting of each kind, unchosen. With 1,000 gradients per image 1,377 of
3,588 images are left with it and 1,416 without (six networks of steps, 20 radii), with 300 it is 2,617 and 2,600 of 5,557 (ten
networks, 30 radii). It finds what fits a binary convolutional network in L2 (30 images left instead of 57; 44 instead of 68
at 300) and is ahead on digits-bnn-waq and the 2-bit MNIST network. Where the usual settings are right it costs up to 35 % of the
budget, which at 300 shows on a network of 2-bit activations (119 images instead of 103 at 0.01) and one of 1-bit input (79
instead of 70). It takes 35 to 40 % more time.

`python -m tests.bench.halving` compares halving with every candidate on the same images and with a choice for each image by
finite differences of its margin along each candidate's step. Their intervals overlap throughout: grid, halving and by image
leave 18.0, 17.5 and 21.5 % of digits-bnn-waq at 0.05 (200 images, budget 500), 20, 19 and 19 % of the traffic-sign network at
1/255 (100 images, 500), 60, 62 and 60 % of the 2-bit MNIST network at 0.2 (50 images, 200). Halving takes fewer gradients than
the grid (16 to 34 % of the budget), and works at budgets that are too small for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bnnaudit.core.attack import Pgd

ROUNDS: tuple[tuple[int, int], ...] = ((8, 10), (16, 20), (32, 20))
"""Images and steps of each round of halving. Not tuned."""
FEWEST = 4
"""Images needed for a choice. Not tuned."""
PORTFOLIO = 5
"""Most settings in a portfolio. Not tuned."""
WORTH = 0.005
"""The least further fall of the margin, as a fraction of it, for which a setting joins the portfolio. Not tuned."""

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


def choose(candidates: Sequence[Pgd], available: int, trial: Trial) -> tuple[Pgd, ...]:
    """The portfolio, the best setting first, chosen on at most `available` images."""
    left = [(settings, torch.zeros(0)) for settings in candidates]
    for images, steps in ROUNDS:
        used = min(images, available)
        left = [(settings, trial(settings, used, steps)) for settings, _ in left]
        left = sorted(left, key=lambda tried: -float(tried[1].mean()))[: _kept(len(left))]
        if used == available:
            break
    return greedily([settings for settings, _ in left], [falls for _, falls in left])


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
