"""The upper end of what maxima were drawn from: a reverse Weibull distribution fitted by maximum likelihood."""

from __future__ import annotations

import torch
from torch import Tensor

CLOSEST, FARTHEST = 1e-4, 2.0
"""How far above the largest value the end is looked for, in multiples of the values' range. An end farther away belongs to
a shape above 12 or so, which few maxima can hardly tell from a Gumbel distribution, and that has no end."""
POINTS = (40, 12, 12)
"""Places tried in each round; a round spans the two intervals beside the last round's best place. Not tuned."""
LARGEST_SHAPE = 1e3
"""The upper end of the shapes that are searched. Not tuned."""
BISECTIONS = 24
"""Bisections of the logarithm of the shape, whose error is then below 1e-6."""
DEGENERATE = 1e-6
"""Values whose range is smaller than this part of the largest are all the same: a constant has itself as its end. Not tuned."""


def reverse_weibull_end(maxima: Tensor) -> Tensor:
    """The location a of P(X < x) = exp(-((a - x) / scale)^shape) for x < a, for each row of maxima (F, B): (F,) float64.

    The scale and the shape are profiled out, the shape at least 1: below, the likelihood is unbounded as the end comes
    near the largest value. Never below the largest value; equal to it where all are the same.
    """
    values = maxima.double()
    top = values.amax(dim=1)
    spread = top - values.amin(dim=1)
    flat = spread <= DEGENERATE * top.abs()
    below = (top[:, None] - values) / torch.where(flat, 1.0, spread)[:, None]
    low, high = (torch.tensor(end, dtype=torch.float64, device=values.device).log() for end in (CLOSEST, FARTHEST))
    centre, half = ((low + high) / 2).expand(len(values), 1), (high - low) / 2
    for points in POINTS:
        grid = centre + half * torch.linspace(-1, 1, points, dtype=torch.float64, device=values.device)
        grid = grid.clamp(low, high)
        best = profile_likelihood(below[:, None, :] + grid.exp()[:, :, None]).argmax(dim=1, keepdim=True)
        centre = grid.gather(1, best)
        half = half * 2 / (points - 1)
    return torch.where(flat, top, top + centre.squeeze(1).exp() * spread)


def profile_likelihood(gaps: Tensor) -> Tensor:
    """The largest mean log-likelihood of Weibull gaps (..., B) above 0 over scale and shape, the shape at least 1: (...)."""
    logs = gaps.log()
    # The scale goes into the gaps: their logarithms are centred, so that no power overflows.
    mean = logs.mean(dim=-1, keepdim=True)
    centred = logs - mean
    low = torch.zeros_like(mean)
    high = torch.full_like(mean, LARGEST_SHAPE).log()
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        shape = middle.exp()
        weights = torch.softmax(shape * centred, dim=-1)
        # The score in the shape grows with it and is zero at the most likely one.
        above = (weights * centred).sum(dim=-1, keepdim=True) - 1 / shape > 0
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    shape = ((low + high) / 2).exp()
    count = gaps.shape[-1]
    mean_power = torch.logsumexp(shape * centred, dim=-1, keepdim=True) - torch.log(mean.new_tensor(float(count)))
    likelihood: Tensor = (shape.log() - mean_power - mean - 1).squeeze(-1)
    return likelihood
