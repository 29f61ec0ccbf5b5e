"""Digests of single images, by which reports on networks of different ranges and layouts name the same picture alike."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from bnnaudit.core.threat import Box

LEVELS = 2**16 - 1
"""Steps of a pixel between black and white: float32 tells 256 of them apart in each, so that its rounding changes none of an
8- or 16-bit picture."""
DIGITS = 16
"""Hexadecimal digits of a digest: among a million images two agree by chance with a probability of 3e-8."""
CHUNK = 256
"""Images that are converted at a time. Not tuned; it changes no result."""


def image_digests(images: Tensor, box: Box) -> list[str]:
    """One for each image (N, C, H, W) or (N, features) in `box`: SHA-256 of its values in that order, shortened.

    The values are taken in units of the [0,1] image, rounded to 16 bits, least significant byte first.
    """
    digests = []
    for part in torch.split(images, CHUNK):
        levels = ((part.double() - box.low) * (LEVELS / box.width)).round().clamp(0, LEVELS)
        rows = levels.flatten(1).cpu().numpy().astype("<u2")
        digests += [hashlib.sha256(row.tobytes()).hexdigest()[:DIGITS] for row in rows]
    return digests
