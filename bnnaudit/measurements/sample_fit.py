"""Whether the sample is what the model was made for; measured once, before any attack."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.core.sample_fit import PictureFit, SampleFit
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box
from bnnaudit.measurements.feeding_fit import measure_feeding
from bnnaudit.measurements.label_fit import measure_labels

BEYOND_DOUBT = 0.9
"""Clean accuracy from which on no other way to feed the images is tried: none can be better by the ten points that count."""
SMALLEST_SIDE = 8
"""Height and width from which on neighbouring pixels are asked about."""
TOGETHER = 16
"""Images at a time, so that large ones take little memory in double precision."""
FLATNESS = 1e-6
"""Of the input range: what an image of one single value may vary by."""


def measure_fit(target: Target, images: Tensor, answers: Tensor, labels: Tensor | None, batch_size: int) -> SampleFit:
    """images (N, ...) in the target's range, answers (N,) of the deployed model, labels (N,) of the data or None."""
    pictures = measure_pictures(images, target.facts.box, answers)
    if labels is None:
        return SampleFit(
            pictures, untried="the data have no labels, so that one way to feed the images looks as good as another"
        )
    with torch.no_grad():
        logits = torch.cat([target.logits(part).cpu() for part in torch.split(images.to(target.device), batch_size)])
    fit = measure_labels(logits, answers, labels)
    if fit.right >= BEYOND_DOUBT * fit.images:
        return SampleFit(pictures, fit)
    return SampleFit(pictures, fit, measure_feeding(target, images, labels))


def measure_pictures(images: Tensor, box: Box, answers: Tensor) -> PictureFit:
    """images (N, C, H, W) or (N, features) in `box`; answers (N,): the classes that the deployed model gives."""
    if not len(images):
        return PictureFit(0, 0, None, 0.0, 0)
    flat = images.flatten(1)
    spans = flat.amax(dim=1) - flat.amin(dim=1)
    varied = spans > FLATNESS * box.width
    return PictureFit(
        images=len(images),
        flat=int((~varied).sum()),
        correlation=neighbour_correlation(images[varied]),
        spread=float(flat.max() - flat.min()) / box.width,
        commonest=int(torch.bincount(answers).max()),
    )


def neighbour_correlation(images: Tensor) -> float | None:
    """Correlation of horizontally and vertically neighbouring pixels, the median over images (N, C, H, W).

    Each channel has its own mean. None for images that are not pictures of at least 8 x 8, or where there are none.
    """
    if images.dim() != 4 or not len(images) or min(images.shape[2:]) < SMALLEST_SIDE:
        return None
    return float(torch.cat([_of_each(part) for part in torch.split(images, TOGETHER)]).median())


def _of_each(images: Tensor) -> Tensor:
    """The correlation within each image (N,), horizontal and vertical neighbours alike."""
    centred = images.double() - images.double().mean(dim=(2, 3), keepdim=True)
    across, down = centred[..., 1:] * centred[..., :-1], centred[..., 1:, :] * centred[..., :-1, :]
    covariance = (across.mean(dim=(1, 2, 3)) + down.mean(dim=(1, 2, 3))) / 2
    return covariance / centred.square().mean(dim=(1, 2, 3)).clamp_min(1e-30)
