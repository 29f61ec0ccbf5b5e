"""From raw images to those a network takes: its shape and its range, by exact steps only."""

from __future__ import annotations

from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnnaudit.core.errors import DataError
from bnnaudit.core.facts import Layout, ModelFacts
from bnnaudit.core.threat import Box, InputGrid
from bnnaudit.data.pictures import ImageSource, PictureSource, Resizing, resized
from bnnaudit.data.source import GivenSource
from bnnaudit.numerics.pixel_grid import PixelGrid

CHUNK = 256
"""Images that are read at a time. Not tuned; it changes no result."""
PROBE = 200
"""Files of the whole data set whose sizes are looked at. Not tuned."""


def read_fitting(source: ImageSource, ids: NDArray[np.int64], facts: ModelFacts) -> tuple[Tensor, str]:
    """The images `ids` as float32 (n, C, H, W) or (n, features) in the model's range, and what was done to them.

    Raises DataError where shapes do not fit; only files of varying size are resized, and the note then says so. A model of
    whole numbers gets the nearest ones, as it would round itself; the note says so where that changes an image.
    """
    raw: NDArray[np.generic]
    if isinstance(source, PictureSource):
        raw, note = _read_pictures(source, ids, facts)
    else:
        raw, note = source.read(ids), ""
    images = to_box(fit_shape(raw, facts, source.name), source.units, facts.box)
    if facts.grid is None:
        return images, note
    rounded, changed = _on_grid(images, facts.grid, facts.box)
    return rounded, ", ".join(text for text in (note, f"rounded to {facts.grid.kind}" if changed else "") if text)


def _on_grid(images: Tensor, given: InputGrid, box: Box) -> tuple[Tensor, bool]:
    """The nearest images (n, ...) that the model can be given, and whether any is another one than before."""
    grid = PixelGrid(box.low, box.high, given.first, given.last, given.steps)
    parts = [(grid.nearest(part), bool(grid.holds(part).all())) for part in torch.split(images, CHUNK)]
    held = all(holds for _, holds in parts)
    return torch.cat([part for part, _ in parts]) if parts else images, not held


def common_shape(source: ImageSource) -> tuple[int, ...] | None:
    """The sizes of one image as the data store it; None where they vary from image to image, or there is no image."""
    first = np.zeros(1, dtype=np.int64)
    if not len(source) or (isinstance(source, PictureSource) and _sizes_vary(source, first)):
        return None
    return first_image(source).shape


def first_image(source: ImageSource) -> NDArray[np.generic]:
    """An image as the data store it: the first, or the first of those that are in memory already."""
    first = source.held[:1] if isinstance(source, GivenSource) else np.zeros(1, dtype=np.int64)
    image: NDArray[np.generic] = source.read(first)[0]
    return image


def image_shape(facts: ModelFacts) -> tuple[int, int, int] | None:
    """(C, H, W) of the images that the network takes, or None where it takes a vector of features."""
    match facts.layout, facts.input_shape:
        case Layout.NCHW, (channels, height, width):
            return channels, height, width
        case Layout.NHWC, (height, width, channels):
            return channels, height, width
        case _:
            return None


def fit_shape(raw: NDArray[np.generic], facts: ModelFacts, where: str) -> NDArray[np.generic]:
    """Raw images (n, H, W), (n, H, W, C), (n, C, H, W) or (n, features) as (n, C, H, W), or (n, features) if they are so.

    Where both orders of the axes fit, the network's own layout decides. A network that takes a vector gets images whose
    values are as many, for `Preparation` to flatten in the network's order. Raises DataError where nothing fits.
    """
    wanted = image_shape(facts)
    orders = _axis_orders(raw, Layout.FLAT if wanted is None else facts.layout)
    if wanted is None:
        features = prod(facts.input_shape)
        fitting = [images for images in orders if prod(images.shape[1:]) == features]
    else:
        fitting = [images for images in orders if images.shape[1:] == wanted]
        if not fitting and raw.ndim == 2 and wanted[0] == 1 and raw.shape[1] == prod(wanted):
            fitting = [raw.reshape(len(raw), *wanted)]
    if not fitting:
        raise DataError(f"{where}: {_needed(facts)}, but the data have {_shown(raw)}; {_remedy(raw, facts)}")
    return fitting[0]


def to_box(raw: NDArray[np.generic], units: Box, box: Box) -> Tensor:
    """raw (n, ...) in `units` as float32 in `box`: untouched where these are equal, else rounded once, from float64."""
    result = np.empty(raw.shape, dtype=np.float32)
    for start in range(0, len(raw), CHUNK):
        part = raw[start : start + CHUNK].astype(np.float64)
        if units != box:
            part = (part - units.low) / units.width * box.width + box.low
        result[start : start + CHUNK] = part.clip(box.low, box.high)
    return torch.from_numpy(result)


def _axis_orders(raw: NDArray[np.generic], layout: Layout) -> list[NDArray[np.generic]]:
    """The images with channels first, under each reading of the axes, the likelier one first."""
    if raw.ndim == 2:
        return [raw]
    if raw.ndim == 3:
        return [raw[:, None]]
    moved = np.moveaxis(raw, 3, 1)
    match layout:
        case Layout.NHWC:
            return [moved, raw]
        case Layout.NCHW:
            return [raw, moved]
        case Layout.FLAT:
            # A picture has fewer channels than rows or columns.
            return [moved, raw] if raw.shape[3] < raw.shape[1] else [raw, moved]


def _read_pictures(source: PictureSource, ids: NDArray[np.int64], facts: ModelFacts) -> tuple[NDArray[np.uint8], str]:
    """Decoded files (n, H, W) or (n, H, W, 3), resized only where the data set's sizes vary."""
    wanted = image_shape(facts)
    if wanted is None:
        _refuse_other_sizes(source, ids, prod(facts.input_shape), facts)
        return source.read(ids), ""
    channels, height, width = wanted
    note = ""
    if source.sizes(ids) - {(height, width)}:
        if not _sizes_vary(source, ids):
            found = next(iter(source.sizes(ids[:1])))
            raise DataError(
                f"{source.where}: {_needed(facts)}, but the images are {found[0]}x{found[1]}; resize them as for the model's "
                "training (images of one size are never resized here)"
            )
        crop = source.resizing is Resizing.CENTRE_CROP
        note = f"resized, centre {height}x{width}" if crop else f"resized to {height}x{width}"
    images = []
    for index in ids:  # one file after the other, so that large originals are never in memory together
        picture = source.picture(index)
        fitted = resized(picture, height, width, source.resizing) if note else picture
        images.append(_with_channels(fitted, channels, facts, f"{source.where}: {source.files[index]}"))
    return np.stack(images), note


def _refuse_other_sizes(source: PictureSource, ids: NDArray[np.int64], features: int, facts: ModelFacts) -> None:
    """Raises DataError, by the headers alone, where a picture has not as many values as a network of `features` takes."""
    for height, width in sorted(source.sizes(ids)):
        if features not in (height * width, 3 * height * width):
            raise DataError(
                f"{source.where}: {_needed(facts)}, but an image is {height}x{width}; give data prepared as the model's own test "
                "set was"
            )


def _sizes_vary(source: PictureSource, ids: NDArray[np.int64]) -> bool:
    """Whether the files have several sizes, by the sample and by some from all over the data set."""
    spread = np.linspace(0, len(source) - 1, min(PROBE, len(source))).astype(np.int64)
    return len(source.sizes(np.union1d(ids, spread))) > 1


def _with_channels(picture: NDArray[np.uint8], channels: int, facts: ModelFacts, where: str) -> NDArray[np.uint8]:
    """(H, W) repeated into three equal channels where the model takes colour; (H, W, 3) as grey only where it is grey."""
    if picture.ndim == 2:
        return picture if channels == 1 else np.repeat(picture[:, :, None], channels, axis=2)
    if channels == 1:
        if (picture == picture[:, :, :1]).all():
            return picture[:, :, 0]
        raise DataError(
            f"{where}: {_needed(facts)}, but the image is in colour; convert it as for the model's training"
        )
    return picture


def _needed(facts: ModelFacts) -> str:
    wanted = image_shape(facts)
    if wanted is None:
        return f"the model takes {prod(facts.input_shape)} values per image"
    return f"the model takes {wanted[0]}x{wanted[1]}x{wanted[2]} (channels x height x width)"


def _shown(raw: NDArray[np.generic]) -> str:
    if raw.ndim == 2:
        return f"{raw.shape[1]} values per image"
    if raw.ndim == 3:
        return f"{raw.shape[1]}x{raw.shape[2]} with 1 channel"
    return f"images of {'x'.join(str(length) for length in raw.shape[1:])}"


def _remedy(raw: NDArray[np.generic], facts: ModelFacts) -> str:
    wanted = image_shape(facts)
    if wanted is not None and raw.ndim == 2 and raw.shape[1] == prod(wanted):
        return "store them as images, because the order of their channels is unknown"
    return "give data prepared as the model's own test set was"
