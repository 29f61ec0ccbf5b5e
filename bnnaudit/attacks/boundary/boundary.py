"""What attacks that look for the nearest adversarial image share: linearised boundaries, lengths, and the end inside the ball."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import as_stored, project
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics.hyperplane import step_to_hyperplane_l2, step_to_hyperplane_linf
from bnnaudit.numerics.norms import flat_norm, per_image, scale_each


@dataclass(frozen=True, slots=True)
class Boundary:
    """The nearest linearised boundary to each of M points.

    normals (M, ...): gradient of the other class's logit minus the true one's. rises (M,): what that difference lacks to
    0, negative where the other class leads. distances (M,): in the threat's norm without regard to the box, infinite where
    no class has a gradient.
    """

    normals: Tensor
    rises: Tensor
    distances: Tensor

    @classmethod
    def nearest(cls, logits: Tensor, points: Tensor, labels: Tensor, goals: Tensor, norm: Norm) -> Boundary:
        """Towards the nearest of the classes goals (M, T), from logits (M, d) that were computed from `points` with gradients."""
        best = cls(
            torch.zeros_like(points), torch.zeros_like(logits[:, 0]), torch.full_like(logits[:, 0], float("inf"))
        )
        for goal in goals.unbind(dim=1):
            pair = logits.gather(1, torch.stack([goal, labels], dim=1))
            (normals,) = torch.autograd.grad((pair[:, 0] - pair[:, 1]).sum(), points, retain_graph=True)
            rises = (pair[:, 1] - pair[:, 0]).detach()
            distances = _distances(rises, normals, norm)
            nearer = distances < best.distances
            best = cls(
                torch.where(per_image(nearer, normals), normals, best.normals),
                torch.where(nearer, rises, best.rises),
                torch.where(nearer, distances, best.distances),
            )
        return best


def _distances(rises: Tensor, normals: Tensor, norm: Norm) -> Tensor:
    """|rise| over the dual norm of the normal (M,); infinite where the normal is zero."""
    # A float32 square of a gradient below 1e-23 is zero.
    wide = normals.flatten(1).double()
    dual = wide.abs().sum(dim=1) if norm is Norm.LINF else flat_norm(wide)
    return torch.where(dual > 0, rises.abs() / dual, float("inf")).to(normals.dtype)


def step_onto(boundary: Boundary, points: Tensor, rises: Tensor, threat: Threat) -> Tensor:
    """The shortest step (M, ...) onto the boundary inside the box, from points (M, ...) that lack `rises` (M,) of either sign."""
    sides = torch.where(rises < 0, -1.0, 1.0).to(points.dtype)
    normals, low, high = scale_each(boundary.normals, sides), threat.box.low, threat.box.high
    step = {Norm.LINF: step_to_hyperplane_linf, Norm.L2: step_to_hyperplane_l2}[threat.norm]
    return step(points, normals, rises.abs(), low, high)


def settle(context: Context, batch: Batch, points: Tensor, rows: Tensor, best: BestSoFar, step: int) -> Cost:
    """Judges the points (M, ...) that a search ended with, drawn back into ball and box, for the images `rows` (M,).

    batch: those M images. step: how many led there.
    """
    if len(rows) == 0:
        return Cost()
    drawn = as_stored(project(points, batch.images, context.threat), batch.images, context.threat)
    best.judge(rows, drawn, context.judged(drawn), batch.labels, step)
    return Cost(forwards=len(rows))
