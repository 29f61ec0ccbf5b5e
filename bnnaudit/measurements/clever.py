"""CLEVER scores ([Weng et al. 2018]): a lower bound of the distance to the nearest adversarial image, by extreme values.

A score is g(x) over the largest norm that the gradient of g takes in a ball around x, estimated as the upper end of the
distribution of sampled maxima, and no more than the ball's radius. g is the margin between the image's class and another
one, and the norm is dual to the ball's.

With a temperature: scaling the logits by b scales g and its gradient alike and cancels out, so the margin of the *logits*
has one score whatever b. What an attack with a temperature sees is softmax(b a), and Table 11 of
[Gupta & Ajanthan 2022] is about that: g is then p_k(b) - p_j(b). b is the one that the rule gives at the image itself and
the same all over the ball; where it differed from point to point, g would not be a function of the network alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.core.attack import Beta
from bnnaudit.core.batch import Batch
from bnnaudit.core.clever import Ball, CleverSettings
from bnnaudit.core.target import Target
from bnnaudit.numerics.extreme_value import reverse_weibull_end
from bnnaudit.numerics.jacobian import class_gradients
from bnnaudit.numerics.losses import ranked_others
from bnnaudit.numerics.randomness import cube_draws, diamond_draws, sphere_draws
from bnnaudit.temperature import fit_temperature

MEMORY = 2**24
"""Numbers in the gradients held at a time. Not tuned; it changes no result."""
DRAW = {Ball.L1: diamond_draws, Ball.L2: sphere_draws, Ball.LINF: cube_draws}
DUAL = {Ball.L1: float("inf"), Ball.L2: 2.0, Ball.LINF: 1.0}


@dataclass(frozen=True, slots=True)
class ImageScores:
    """Scores (N, rows) of N images in each norm, and the b of each row (N, rows); the first row is the logits' margin."""

    scores: dict[Ball, Tensor]
    betas: Tensor


def clever_scores(
    target: Target,
    batch: Batch,
    settings: CleverSettings,
    seed: int,
    batch_size: int = 256,
    on_progress: Callable[[int], None] = lambda _: None,
) -> ImageScores:
    """Scores of N images in each norm that has a radius, in units of the [0,1] image. Reports a unit for each image and norm.

    0 where the differentiable copy misclassifies.
    """
    betas = temperatures(target, batch, settings.betas)
    parts: dict[Ball, list[Tensor]] = {ball: [] for ball in settings.radii}
    for row in range(len(batch)):
        one = batch.select(slice(row, row + 1))
        for ball in settings.radii:
            parts[ball].append(_image_scores(target, one, betas[row], settings, ball, seed, batch_size))
            on_progress(1)
    empty = betas.new_zeros(0, betas.shape[1])
    return ImageScores({ball: torch.stack(rows) if rows else empty for ball, rows in parts.items()}, betas)


def temperatures(target: Target, batch: Batch, rules: Sequence[Beta]) -> Tensor:
    """b (N, 1 + rules) at the images themselves; the first column, the logits' own, is 1."""
    if not len(batch):
        return batch.images.new_zeros(0, 1 + len(rules))
    with torch.no_grad():
        logits = target.logits(batch.images)
    columns = [torch.ones(len(batch), device=batch.images.device)]
    for rule in rules:
        temperature = fit_temperature(rule, target, batch)
        start, _ = temperature.at_start(target, batch.images, logits, batch.labels)
        columns.append(temperature.at_step(start, logits, batch.labels).float())
    return torch.stack(columns, dim=1)


def _image_scores(
    target: Target, one: Batch, betas: Tensor, settings: CleverSettings, ball: Ball, seed: int, batch_size: int
) -> Tensor:
    """The scores (rows,) of a batch of one image in one norm."""
    box = target.facts.box
    label = int(one.labels)
    with torch.no_grad():
        logits = target.logits(one.images)
    others = ranked_others(logits, one.labels)[0, : settings.targets]
    radius, features = settings.radii[ball], one.images[0].numel()
    gaps = margins(logits, label, others, betas)[0]
    functions = gaps.numel()
    size = max(1, min(batch_size, MEMORY // (features * max(functions, logits.shape[1]))))
    together = max(1, size // settings.draws)
    maxima = []
    for first in range(0, settings.batches, together):
        blocks = range(first, min(first + together, settings.batches))
        draws = torch.cat([DRAW[ball](seed, int(one.ids), block, settings.draws, features) for block in blocks])
        shifts = draws.to(one.images).view(-1, *one.images.shape[1:]) * (radius * box.width)
        points = (one.images + shifts).clamp(box.low, box.high)
        parts = [gradient_norms(target, part, label, others, betas, ball) for part in torch.split(points, size)]
        maxima.append(torch.cat(parts).view(len(blocks), settings.draws, functions).amax(dim=1) * box.width)
    slopes = reverse_weibull_end(torch.cat(maxima).T).view_as(gaps)
    scores = torch.where(slopes > 0, gaps.double() / slopes, torch.where(gaps > 0, torch.inf, 0.0))
    return scores.amin(dim=1).clamp(0, radius).float()


def margins(logits: Tensor, label: int, others: Tensor, betas: Tensor) -> Tensor:
    """g (M, rows, targets): of the logits (M, d) in the first row, of softmax(b a) with the b (rows,) of the others."""
    raw = logits[:, label, None] - logits[:, others]
    probabilities = torch.softmax(logits[:, None, :] * betas[1:, None], dim=2)
    return torch.cat([raw[:, None], probabilities[:, :, label, None] - probabilities[:, :, others]], dim=1)


def gradient_norms(target: Target, points: Tensor, label: int, others: Tensor, betas: Tensor, ball: Ball) -> Tensor:
    """The norm, dual to the ball's, of the gradient of each g in the points (M, ...): (M, rows x targets)."""
    leaf = points.detach().requires_grad_()
    with torch.enable_grad():
        logits = target.logits(leaf)
        values = logits.detach().requires_grad_()
        each = margins(values, label, others, betas).flatten(1)
        columns = range(each.shape[1])
        seeds = [torch.autograd.grad(each[:, column].sum(), values, retain_graph=True)[0] for column in columns]
    found = _pulled_back(logits, leaf, seeds)
    return torch.stack([torch.linalg.vector_norm(each.flatten(1), ord=DUAL[ball], dim=1) for each in found], dim=1)


def _pulled_back(logits: Tensor, leaf: Tensor, seeds: Sequence[Tensor]) -> list[Tensor]:
    """The seeds (M, d) times J: (M, ...) each, through as few backward passes as do it."""
    if len(seeds) < logits.shape[1]:
        return [torch.autograd.grad(logits, leaf, seed, retain_graph=True)[0] for seed in seeds]
    jacobian = class_gradients(logits, leaf).flatten(2)
    return [torch.einsum("md,dmn->mn", seed, jacobian) for seed in seeds]
