"""A measurement that needs no attack: do the two copies agree."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.core.evidence import Agreement
from bnnaudit.core.facts import OutputKind
from bnnaudit.core.target import Target

FLOAT_NOISE = 1e-4
"""Relative difference of scores that rounding explains."""


def measure_agreement(target: Target, images: Tensor, scores: Tensor, batch_size: int) -> Agreement:
    """Holds the differentiable copy against the deployed model's `scores` (N, d) on images (N, ...)."""
    with torch.no_grad():
        logits = torch.cat([target.logits(part).cpu() for part in torch.split(images, batch_size)])
    ours = as_output(logits, target.facts.output)
    again = target.deployed(images).argmax(dim=1)
    finite = scores.nan_to_num(0.0, 0.0, 0.0)
    top = finite.topk(2, dim=1).values
    clear = top[:, 0] - top[:, 1] > FLOAT_NOISE * finite.abs().amax(dim=1)
    differ = (ours.argmax(dim=1) != scores.argmax(dim=1)) & clear
    gap = (ours - scores).nan_to_num(0.0, 0.0, 0.0).abs()
    # A logarithm of a probability that underflows is minus infinity, and rightly so.
    bad = scores.isnan() | scores.isposinf()
    if target.facts.output is not OutputKind.LOG_SOFTMAX:
        bad |= scores.isneginf()
    return Agreement(
        images=len(images),
        disagreeing=int(differ.sum()),
        largest_difference=float(gap.max()) if gap.numel() else 0.0,
        nonfinite=int(bad.any(dim=1).sum()),
        unstable=int((again != scores.argmax(dim=1)).sum()),
    )


def as_output(logits: Tensor, output: OutputKind) -> Tensor:
    """Logits as the deployed model presents them."""
    match output:
        case OutputKind.LOGITS:
            return logits
        case OutputKind.SOFTMAX:
            return torch.softmax(logits, dim=1)
        case OutputKind.LOG_SOFTMAX:
            return torch.log_softmax(logits, dim=1)
