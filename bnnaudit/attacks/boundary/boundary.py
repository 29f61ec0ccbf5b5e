"""What attacks that look for the nearest adversarial image share: linearised boundaries, lengths, and the end inside the ball."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

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
        best: Boundary | None = None
        for goal in goals.unbind(dim=1):
            pair = logits.gather(1, torch.stack([goal, labels], dim=1))
            (normals,) = torch.autograd.grad((pair[:, 0] - pair[:, 1]).sum(), points, retain_graph=True)
            rises = (pair[:, 1] - pair[:, 0]).detach()
            found = cls(normals, rises, _distances(rises, normals, norm))
            best = found if best is None else found._or(best)
        assert best is not None
        return best

    def _or(self, other: Boundary) -> Boundary:
        """For each point whichever is nearer, `other` where they are equally near."""
        mine = self.distances < other.distances
        wide = per_image(mine, self.normals)
        return Boundary(
            torch.where(wide, self.normals, other.normals),
            torch.where(mine, self.rises, other.rises),
            torch.where(mine, self.distances, other.distances),
        )


def _distances(rises: Tensor, normals: Tensor, norm: Norm) -> Tensor:
    """|rise| over the dual norm of the normal (M,); infinite where the normal is zero."""
    # A float32 square of a gradient below 1e-23 is zero.
    wide = normals.flatten(1).double()
    match norm:
        case Norm.LINF:
            dual = wide.abs().sum(dim=1)
        case Norm.L2:
            dual = flat_norm(wide)
        case _:
            assert_never(norm)
    return torch.where(dual > 0, rises.abs() / dual, float("inf")).to(normals.dtype)


def step_onto(boundary: Boundary, points: Tensor, rises: Tensor, threat: Threat) -> Tensor:
    """The shortest step (M, ...) onto the boundary inside the box, from points (M, ...) that lack `rises` (M,) of either sign."""
    sides = torch.where(rises < 0, -1.0, 1.0).to(points.dtype)
    normals, low, high = scale_each(boundary.normals, sides), threat.box.low, threat.box.high
    match threat.norm:
        case Norm.LINF:
            return step_to_hyperplane_linf(points, normals, rises.abs(), low, high)
        case Norm.L2:
            return step_to_hyperplane_l2(points, normals, rises.abs(), low, high)
        case _:
            assert_never(threat.norm)


def settle(context: Context, batch: Batch, points: Tensor, rows: Tensor, best: BestSoFar, step: int) -> Cost:
    """Judges the points (M, ...) that a search ended with, drawn back into ball and box, for the images `rows` (M,).

    batch: those M images. step: how many led there.
    """
    if len(rows) == 0:
        return Cost()
    drawn = as_stored(project(points, batch.images, context.threat), batch.images, context.threat)
    with torch.no_grad():
        logits = context.logits(drawn)
    best.judge(rows, drawn, logits, batch.labels, step)
    return Cost(forwards=len(rows))
