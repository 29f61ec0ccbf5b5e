"""How answers, loss and gradient change under noise far below the radius ([Pintor et al. 2022], second indicator)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from bnnaudit.core.batch import Batch
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import NoiseProbe
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm
from bnnaudit.measurements.backward_pass import gradients_at, largest_entry
from bnnaudit.numerics.losses import exact_cross_entropy_signal, margin
from bnnaudit.numerics.norms import scale_each
from bnnaudit.numerics.randomness import uniform_noise

DRAWS = 10
OFTEN = 0.1
"""Share of the copies of an image that must change class for the image to count."""
STREAM = 1000
"""First of the random streams of an image that are used here; restarts of attacks use the first ones."""


def noise_radius(plan: AuditPlan) -> float:
    """Half the threat's radius a pixel, [Pintor et al. 2022]'s 4/255 at 8/255; for L2 half of a pixel's share of the radius."""
    share = 1.0 if plan.threat.norm is Norm.LINF else plan.features**-0.5
    return plan.threat.eps * share / 2


def measure_noise(target: Target, batch: Batch, plan: AuditPlan) -> NoiseProbe:
    """Probes N correctly classified images with ten noisy copies each."""
    radius = noise_radius(plan)
    if len(batch) == 0:
        return NoiseProbe(0, DRAWS, radius, 0, 0.0, 1.0)
    loss, gradient, _ = _loss_and_gradient(target, batch.images, batch.labels)
    size = torch.where(loss > 0, loss, 1.0)
    flips, changes, cosines = torch.zeros(len(batch)), [], []
    for draw in range(DRAWS):
        noise = uniform_noise(plan.seed, batch.ids.tolist(), STREAM + draw, batch.images.shape[1:])
        box = plan.threat.box
        shift = noise.to(batch.images.device) * (radius * box.width)
        near = (batch.images + shift).clamp(box.low, box.high)
        near_loss, near_gradient, answers = _loss_and_gradient(target, near, batch.labels)
        flips += (answers != batch.labels).cpu()
        changes.append(((near_loss - loss).abs() / size).clamp_max(1.0))
        cosines.append(cosine_similarity(gradient.flatten(1), near_gradient.flatten(1), dim=1))
    return NoiseProbe(
        images=len(batch),
        draws=DRAWS,
        radius=radius,
        flipped=int((flips >= OFTEN * DRAWS).sum()),
        loss_change=float(torch.stack(changes).mean()),
        gradient_cosine=float(torch.stack(cosines).mean()),
    )


def _loss_and_gradient(target: Target, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The margin-based loss log(1 + e^-margin) in double precision (N,), which tells small losses apart, the gradient
    of the cross-entropy at unit length (N, ...), zero where there is none, and the classes (N,)."""
    points = images.detach().clone().requires_grad_()
    logits = target.logits(points)
    values = logits.detach()
    loss = torch.nn.functional.softplus(-margin(values.double(), labels))
    ones = torch.ones(len(labels), device=values.device, dtype=values.dtype)
    signal = exact_cross_entropy_signal(values, labels, ones)
    (gradient,) = gradients_at(logits, [points], signal)
    largest = largest_entry(gradient)
    scaled = scale_each(gradient, torch.where(largest > 0, 1 / largest.clamp_min(1e-30), 0.0))
    return loss, scaled, values.argmax(dim=1)
