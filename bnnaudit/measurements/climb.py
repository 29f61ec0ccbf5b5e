"""The ordinary attack watched step by step: its loss and its decisions along the way ([Pintor et al. 2022])."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bnnaudit.attacks.geometry import ascent_direction, project, random_start
from bnnaudit.attacks.gradient.ascent import error_signal
from bnnaudit.core.batch import Batch
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import ClimbProbe
from bnnaudit.core.target import Target
from bnnaudit.measurements.backward_pass import gradients_at

STILL_RISING = 0.05
"""Of the whole rise, over the second half of the steps."""
SMALLEST_RISE = 1e-9
"""Relative to the loss: below it double precision tells nothing."""


def measure_climb(target: Target, batch: Batch, plan: AuditPlan) -> ClimbProbe:
    """Watches the ordinary attack on N correctly classified images; `target` passes gradients by its surrogate."""
    steps = plan.ordinary.steps
    if len(batch) == 0:
        return ClimbProbe(0, steps, 0, 0, 0, 0)
    return judge_trace(*trace(target, batch, plan))


def judge_trace(losses: Tensor, wrong: Tensor) -> ClimbProbe:
    """Counts from losses (N, T + 1), the start's first, and whether each iterate was misclassified (N, T + 1) bool."""
    steps = losses.shape[1] - 1
    standing, best = ~wrong[:, -1] & ~wrong.any(dim=1), losses.cummax(dim=1).values
    start, end, middle = best[:, 0], best[:, -1], best[:, steps // 2]
    rise = end - start
    rose = rise > SMALLEST_RISE * start.abs().clamp_min(torch.finfo(losses.dtype).tiny)
    return ClimbProbe(
        images=len(losses),
        steps=steps,
        standing=int(standing.sum()),
        flat=int((standing & ~rose).sum()),
        rising=int((standing & rose & (end - middle > STILL_RISING * rise)).sum()),
        passed_over=int((wrong.any(dim=1) & ~wrong[:, -1]).sum()),
    )


def trace(target: Target, batch: Batch, plan: AuditPlan) -> tuple[Tensor, Tensor]:
    """Cross-entropy in double precision (N, T + 1) and misclassification (N, T + 1) of every iterate, the start included.

    The iterates are those of the ordinary attack's first restart, but no image leaves at its first success.
    """
    settings, threat = plan.ordinary, plan.threat
    step = settings.first_step(threat) * threat.box.width
    ones = torch.ones(len(batch), device=batch.images.device)
    points = random_start(batch, threat, plan.seed, 0)
    losses, wrong = [], []
    for index in range(settings.steps + 1):
        points = points.detach().requires_grad_()
        logits = target.logits(points)
        values = logits.detach()
        losses.append(cross_entropy(values.double(), batch.labels, reduction="none").cpu())
        wrong.append((values.argmax(dim=1) != batch.labels).cpu())
        if index == settings.steps:
            break
        signal = error_signal(settings, values, batch.labels, ones.to(values.dtype))
        (gradients,) = gradients_at(logits, [points], signal)
        direction = ascent_direction(gradients, threat)
        points = project(points.detach() + direction * step, batch.images, threat)
    return torch.stack(losses, dim=1), torch.stack(wrong, dim=1)
