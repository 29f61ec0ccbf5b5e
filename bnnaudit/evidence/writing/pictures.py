"""Counterexamples as picture files, where these hold them exactly."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image
from torch import Tensor

from bnnaudit.auditing.confirmed import Confirmed
from bnnaudit.core.threat import Box
from bnnaudit.numerics.pixel_grid import PixelGrid


def exact_pictures(confirmed: Confirmed, box: Box) -> Iterator[tuple[str, bytes]]:
    """Name and content of a PNG for every image whose values are exactly those of 8-bit pixels, grey or red, green and blue."""
    if confirmed.original.dim() != 4 or confirmed.original.shape[1] not in (1, 3):
        return
    for row, index in enumerate(confirmed.ids.tolist()):
        for kind, images in (("original", confirmed.original), ("adversarial", confirmed.adversarial)):
            content = _png(images[row : row + 1], box)
            if content is not None:
                yield f"pictures/{index:06d}-{kind}.png", content


def _png(image: Tensor, box: Box) -> bytes | None:
    """An image (1, C, H, W) as a file; None where reading it back would give other values."""
    grid = PixelGrid.of_bits(box.low, box.high, 8)
    if not bool((grid.nearest(image) == image).all()):
        return None
    pixels = grid.levels(image)[0].permute(1, 2, 0).numpy().astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(stream, "PNG")
    return stream.getvalue()
