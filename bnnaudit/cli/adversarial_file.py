"""Adversarial images as an `.npz` that other programs, and `--data`, can read."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bnnaudit.auditing.one_attack import Adversarial
from bnnaudit.core.facts import ModelFacts
from bnnaudit.numerics.pixel_grid import PixelGrid
from bnnaudit.reports.output import write_atomically


def save_adversarial(path: Path, adversarial: Adversarial, facts: ModelFacts, image_bits: int | None = None) -> None:
    """Writes the file all at once.

    x (N, ...) float32: the adversarial images in the network's range; y (N,): labels; original (N, ...): the images before;
    predicted_before, predicted_after (N,): the deployed model's classes; where a default session of its runtime may answer
    otherwise also default_before, default_after (N,), its classes; fooled (N,) bool: right before and wrong after, in the
    sessions that count; id (N,): index in the data; input_range (2,): the units of x and original. With `image_bits` also
    pixels (N, ...): x as a picture file stores it, whole numbers from 0 to 2^bits - 1 in uint8 (uint16 above 8 bits), left
    out where some image of the data cannot be stored in so many bits.
    """
    before, after = adversarial.before, adversarial.after
    arrays: dict[str, NDArray[Any]] = {
        "x": adversarial.images.numpy(),
        "y": adversarial.labels.numpy(),
        "original": adversarial.original.numpy(),
        "predicted_before": before.exact.numpy(),
        "predicted_after": after.exact.numpy(),
        "fooled": adversarial.fooled.numpy(),
        "id": adversarial.ids.numpy(),
        "input_range": np.array([facts.box.low, facts.box.high]),
    }
    if before.default is not None and after.default is not None:
        arrays |= {"default_before": before.default.numpy(), "default_after": after.default.numpy()}
    pixels = None if image_bits is None else _pixels(adversarial.images, facts, image_bits)
    if pixels is not None:
        arrays["pixels"] = pixels
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_atomically(path, buffer.getvalue(), "save")


def _pixels(images: Tensor, facts: ModelFacts, image_bits: int) -> NDArray[Any] | None:
    """The images (N, ...) as picture files hold them, None where they cannot."""
    grid = PixelGrid.of_bits(facts.box.low, facts.box.high, image_bits)
    if not bool(grid.holds(images).all()):
        return None
    return grid.levels(images).numpy().astype(np.uint8 if image_bits <= 8 else np.uint16)
