"""Images with their labels, as they travel through an audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """N images in the range that the network takes, their labels, and who they are.

    images (N, C, H, W) or (N, features), float32; labels (N,), int64; ids (N,), int64: the image's index in its data set,
    on which its randomness depends, so that a result does not depend on how images are grouped.
    """

    images: Tensor
    labels: Tensor
    ids: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, index: Tensor | slice) -> Batch:
        """The images at `index`: a slice, a boolean mask (N,) or indices."""
        return Batch(self.images[index], self.labels[index], self.ids[index])

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        return Batch(self.images.to(device), self.labels.to(device), self.ids.to(device))
