"""Images to train on, held in memory or mapped from a file, and how a batch of them becomes the network's input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Images x (N, H, W) or (N, H, W, C), uint8, or float32 in [0, 1], and their classes y (N,), int64, from 0 on."""

    x: NDArray[Any]
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W), as a network takes them."""
        height, width, *channels = self.x.shape[1:]
        return (*channels, height, width) if channels else (1, height, width)

    def select(self, indices: NDArray[np.int64]) -> Images:
        """Those at the indices, in that order."""
        return Images(self.x[indices], self.y[indices])

    def read(self, indices: NDArray[np.int64]) -> Tensor:
        """The images at the indices as (N, H, W, C), in the type that they are held in."""
        taken = torch.from_numpy(np.ascontiguousarray(self.x[indices]))
        return taken if taken.dim() == 4 else taken.unsqueeze(3)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Images to train on, images held out to judge by, and those set aside for early ending.

    classes: how many there are. drawn: whether the held-out images were drawn from the others, or are the data's own test
    images. sha256: of the data, as a report gives it. pixels_sha256: of the images themselves, where the former is of their
    names and sizes, as of a folder's; empty elsewhere.
    """

    train: Images
    test: Images
    classes: int
    drawn: bool
    sha256: str
    validation: Images | None = None
    pixels_sha256: str = ""


def as_inputs(images: Tensor) -> Tensor:
    """Images (N, H, W, C), uint8 or in [0, 1], as (N, C, H, W), float32 in [0, 1]: as an audit reads them from a file.

    They stay on their device.
    """
    count, height, width, channels = images.shape
    # A new tensor, whose strides say that its channels come first also where there is but one of them.
    values = torch.empty(count, channels, height, width, device=images.device)
    values.copy_(images.permute(0, 3, 1, 2))
    return values.div_(255) if images.dtype is torch.uint8 else values


def augmented(images: Tensor, shift: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Each image (N, H, W, C) moved by up to `shift` pixels along both axes, black beyond the border, and mirrored or not.

    The generator is one of the CPU's whatever device the images are on, so that each of them draws the same.
    """
    if not shift and not flip:
        return images
    count, height, width, _ = images.shape
    device = images.device
    rows, columns = (torch.arange(length, device=device).expand(count, length) for length in (height, width))
    if shift:
        images = torch.nn.functional.pad(images, (0, 0, shift, shift, shift, shift))
        moves = torch.randint(2 * shift + 1, (count, 2), generator=generator).to(device)
    else:
        moves = torch.zeros(count, 2, dtype=torch.int64, device=device)
    if flip:
        mirrored = torch.randint(2, (count, 1), generator=generator).to(device).bool()
        columns = torch.where(mirrored, columns.flip(1), columns)
    rows, columns = rows + moves[:, :1], columns + moves[:, 1:]
    return images[torch.arange(count, device=device)[:, None, None], rows[:, :, None], columns[:, None, :]]
