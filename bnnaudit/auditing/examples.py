"""Pictures of a few counterexamples: the original, what was added to it, and the adversarial image."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from bnnaudit.auditing.counterexamples import Counterexample, worth_a_look
from bnnaudit.core.image_rows import Example
from bnnaudit.core.threat import Box
from bnnaudit.data import Sample

SMALLEST_SIDE = 96
"""Pixels of the longer side below which a picture is enlarged: a digit of 8 x 8 is a dot on a screen otherwise. Not tuned."""
LARGEST_SIDES = (192, 144, 96)
"""Pixels of the longer side beyond which a picture is made smaller; the next smaller ones where they take too much room."""
LARGEST_BYTES = 600_000
"""Of all pictures of a report together: a page that holds them in text stays below 1.5 MB with them."""

Picture = NDArray[np.float64]


def examples_of(found: Sequence[Counterexample], sample: Sample, box: Box) -> tuple[Example, ...]:
    """Up to eight of the counterexamples, the nearest ones of different classes first; none where images are no pictures."""
    if sample.images.dim() != 4 or sample.images.shape[1] not in (1, 3):
        return ()
    place_of = {index: place for place, index in enumerate(sample.ids.tolist())}
    pairs = [
        (one.index, _picture(sample.images[place_of[one.index]], box), _picture(one.image, box))
        for one in worth_a_look(found)
        if one.image is not None
    ]
    examples: list[Example] = []
    for side in LARGEST_SIDES:
        examples = [_example(*pair, side) for pair in pairs]
        if _size(examples) <= LARGEST_BYTES:
            break
    while _size(examples) > LARGEST_BYTES:
        examples.pop()
    return tuple(examples)


def shown_scale(perturbation: Picture) -> float:
    """By what to multiply a perturbation in units of the [0,1] image so that it fills the range around mid-grey.

    A whole number, if it is at least 1: nobody can judge 15.94 times.
    """
    largest = float(np.abs(perturbation).max(initial=0.0))
    if largest == 0:
        return 1.0
    scale = 0.5 / largest
    return float(math.floor(scale)) if scale >= 1 else scale


def _example(index: int, original: Picture, adversarial: Picture, side: int) -> Example:
    perturbation = adversarial - original
    scale = shown_scale(perturbation)
    return Example(
        index=index,
        original=_png(original, side),
        perturbation=_png(0.5 + scale * perturbation, side),
        adversarial=_png(adversarial, side),
        scale=scale,
    )


def _picture(image: Tensor, box: Box) -> Picture:
    """An image (C, H, W) as (H, W, C) in units of the [0,1] image."""
    values: Picture = image.detach().cpu().double().permute(1, 2, 0).numpy()
    return (values - box.low) / box.width


def _png(picture: Picture, side: int) -> bytes:
    """(H, W, 1) or (H, W, 3) in [0, 1] as a file whose longer side is about 96 pixels at least and `side` at most."""
    pixels = (picture * 255).round().clip(0, 255).astype(np.uint8)
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    longer = max(image.size)
    if longer < SMALLEST_SIDE:
        factor = math.ceil(SMALLEST_SIDE / longer)
        image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    elif longer > side:
        size = [max(1, round(length * side / longer)) for length in image.size]
        image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _size(examples: Sequence[Example]) -> int:
    return sum(len(one.original) + len(one.perturbation) + len(one.adversarial) for one in examples)
