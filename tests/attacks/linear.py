"""A two-class linear model on four features: every distance to its boundary is known."""

import torch

from bnnaudit.core.threat import Norm

WEIGHTS = torch.tensor([[1.0, -2.0, 0.5, 0.0], [-1.0, 1.0, 0.0, 0.25]])
BIAS = torch.tensor([0.3, 0.0])


def linear_images(count: int = 64) -> torch.Tensor:
    return 0.35 + 0.3 * torch.rand(count, 4, generator=torch.Generator().manual_seed(0))


def boundary_distance(images: torch.Tensor, norm: Norm) -> torch.Tensor:
    """The distance of each image to the boundary of the two-class linear model: |margin| over the dual norm."""
    difference = WEIGHTS[0] - WEIGHTS[1]
    dual = difference.abs().sum() if norm is Norm.LINF else difference.norm()
    return (images @ difference + BIAS[0] - BIAS[1]).abs() / dual
