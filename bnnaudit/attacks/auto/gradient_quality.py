"""Whether a network's steps are so fine that the gradient straight through them is as good as a float network's.

A gradient is good for climbing if it predicts what a step does to the true margin. Over a quarter of the radius, on each
network tried, straight-through gradients explain 94 to 100 % of the margin's changes (R^2 about zero) where activations have
8 bits, as in float networks, and less than 25 % where they have one or two. At a radius that spans few levels of an 8-bit
network they explain little as well (59 % on one), so this is measured at the radius at hand, not read off the bits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import ascent_direction, project
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost
from bnnaudit.core.target import Target
from bnnaudit.numerics import losses

IMAGES = 64
"""The most images that this is measured on. Not tuned."""
STEP_LENGTH = 0.25
"""Length of the step, in radii. Not tuned."""
EXPLAINED = 0.9
"""The least part of the squared changes of the margins that the gradients must explain: between 94 and 59 %, see above."""


def predicts_margins(context: Context, images: Batch) -> tuple[bool, Cost]:
    """Whether the gradients of `context` do so on these images; what finding out cost. False without images."""
    some = images.select(slice(0, IMAGES))
    unexplained, total = 0.0, 0.0
    for part in context.split(some):
        before, slopes = margin_slopes(context.target, part.images, part.labels)
        step = ascent_direction(slopes, context.threat) * (STEP_LENGTH * context.threat.radius)
        there = project(part.images - step, part.images, context.threat)
        predicted = (slopes.double() * (there - part.images).double()).flatten(1).sum(dim=1)
        change = (losses.margin(context.judged(there), part.labels) - before).double()
        unexplained += float((change - predicted).square().sum())
        total += float(change.square().sum())
    return total > 0 and unexplained <= (1 - EXPLAINED) * total, Cost(2 * len(some), len(some))


def margin_slopes(target: Target, points: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The margins (N,) at points (N, ...), as the target computes them with gradients on, and their derivative (N, ...)."""
    leaf = points.detach().requires_grad_()
    with torch.enable_grad():
        margins = losses.margin(target.logits(leaf), labels)
        (slopes,) = torch.autograd.grad(margins.sum(), leaf)
    return margins.detach(), slopes
