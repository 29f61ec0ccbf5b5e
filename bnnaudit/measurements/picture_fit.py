"""What the images look like, to tell pictures from noise and from nothing."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.core.fit import PictureFit
from bnnaudit.core.threat import Box

SMALLEST_SIDE = 8
"""Height and width from which on neighbouring pixels are asked about."""
TOGETHER = 16
"""Images at a time, so that large ones take little memory in double precision."""
FLATNESS = 1e-6
"""Of the input range: what an image of one single value may vary by."""


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

    Each channel has its own mean. None for images that are no pictures of at least 8 x 8, or where there are none.
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
