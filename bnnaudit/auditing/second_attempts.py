"""Attacks again, judged by the deployed model, where it does not confirm what fooled the differentiable copy.

An attack stops where the copy is wrong. The two differ by float rounding, which decides where scores are tied or nearly so:
there a success on the copy may be none on the model, though one step further it would be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from bnnaudit.core.facts import Layout
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.target import Preparation, Target
from bnnaudit.models.score_tensor.network import unjudged, with_answer

MOST = 16
"""Most images that are attacked again; where more are not confirmed, the copy does not compute the model. Not tuned."""


class DeployedJudge(nn.Module):
    """The copy's scores (N, d) of images (N, ...), with the deployed model's class on top."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.network = unjudged(target.network)
        self.prepare = target.prepare
        # A function, which a copy of this network shares: runtimes cannot be copied.
        self.session: Callable[[Tensor], Tensor] = lambda images: target.deployed(images)

    def forward(self, images: Tensor) -> Tensor:
        """(N, ...) in the network's range -> (N, d)."""
        scores: Tensor = self.network(self.prepare(images))
        with torch.no_grad():
            answer = self.session(images).argmax(dim=1, keepdim=True)
        return with_answer(scores, answer.to(scores.device))


def judged_as_deployed(target: Target, images: Tensor) -> Target:
    """The target for images (N, ...) whose copy gives the deployed model's answers, and its own gradients."""
    plain = Preparation(tuple(images.shape[1:]), Layout.NCHW)
    return replace(target, network=DeployedJudge(target), prepare=plain)


def improved(first: Outcome, second: Outcome, rows: Tensor) -> Outcome:
    """The first outcome, with the second's successes in the place of its images `rows` (M,); both have been paid for."""
    images, fooled_at = first.images.clone(), first.fooled_at.clone()
    hit = rows[second.fooled]
    images[hit], fooled_at[hit] = second.images[second.fooled], second.fooled_at[second.fooled]
    return replace(first, images=images, fooled_at=fooled_at, cost=first.cost + second.cost)
