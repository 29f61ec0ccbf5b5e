"""Decoded image files, kept between runs: decoding 60,000 of them takes far longer than reading the pixels."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.cache_folder import cache_folder, kept_whole
from bnnaudit.core.errors import DataError
from bnnaudit.data.pictures import PictureSource, resized
from bnnaudit.data.source import refuse_oversized
from bnnaudit.zoo.train.unusable import Unusable

VERSION = 1
"""Of the way in which files become pixels: another one does not read what this one kept."""
OFTEN = 500
"""Images between two reports of progress. Not tuned."""

OnDecoded = Callable[[int, int], None]
"""Called with the number of images decoded so far and of all."""


def decoded(
    source: PictureSource, size: tuple[int, int] | None, folder: Path | None = None, on_decoded: OnDecoded | None = None
) -> NDArray[np.uint8]:
    """All images of the source as one array (N, H, W) or (N, H, W, 3), mapped from a file of the cache.

    size: height and width to which each is stretched; None: as they are, and all must be alike. folder: of the files, None for
    those in a zip: a folder's digest does not change with the content of its files, so their times count as well. Where the
    cache cannot be written, they are decoded into memory. Raises DataError for a file that is no image, or an image of another
    size than the first.
    """
    kept = cache_folder() / "decoded" / f"{_key(source, size, folder)}.npy"
    with contextlib.suppress(
        OSError, ValueError, EOFError
    ):  # not there yet, or cut off by something else than this program
        held: NDArray[np.uint8] = np.load(kept, mmap_mode="r", allow_pickle=False)
        if len(held) == len(source) and held.dtype == np.uint8:
            return held
    pixels = _decode(source, size, on_decoded)
    try:
        with kept_whole(kept) as stream:
            np.save(stream, pixels)
        return np.load(kept, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except OSError:
        return pixels


def _key(source: PictureSource, size: tuple[int, int] | None, folder: Path | None) -> str:
    """Names what is kept: the data's digest, which files of it in which order, and what is made of them."""
    changed = [] if folder is None else [str(_changed(folder / file)) for file in source.files]
    parts = [str(VERSION), source.sha256, str(size), str(source.resizing), *source.files, *changed]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _changed(file: Path) -> int:
    """When a file was changed, in nanoseconds; 0 for one that has another name on disk."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _decode(source: PictureSource, size: tuple[int, int] | None, on_decoded: OnDecoded | None) -> NDArray[np.uint8]:
    pixels, first, grey = None, (0, 0), True
    if size is not None:
        _refuse_oversized(source, size)  # before a picture is stretched to it
    for index, picture in _pictures(source, on_decoded):
        if size is not None:
            picture = resized(picture, *size, source.resizing)
        if pixels is None:
            first = picture.shape[:2]
            _refuse_oversized(source, first)
            pixels = np.empty((len(source), *first, 3), dtype=np.uint8)
        if picture.shape[:2] != first:
            found, wanted = (f"{shape[1]}x{shape[0]}" for shape in (picture.shape, first))
            raise DataError(
                f"{source.where}: {source.files[index]} has {found} pixels, others {wanted}; write size = [HEIGHT, WIDTH] into "
                "the recipe's [data]"
            )
        grey = grey and picture.ndim == 2
        pixels[index] = picture if picture.ndim == 3 else picture[:, :, None]
    if pixels is None:
        raise DataError(f"{source.where}: no images")
    return np.ascontiguousarray(pixels[..., 0]) if grey else pixels


def _refuse_oversized(source: PictureSource, size: tuple[int, int]) -> None:
    refuse_oversized(source.where, (len(source), *size, 3), 1, "give a smaller size in the recipe's [data]")


def _pictures(source: PictureSource, on_decoded: OnDecoded | None) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Each picture with its index; raises DataError, after the last one, where some cannot be read."""
    unusable = Unusable()
    for index, file in enumerate(source.files):
        with unusable.noted(file):
            yield index, source.picture(index)
        if on_decoded and (index + 1) % OFTEN == 0:
            on_decoded(index + 1, len(source))
    unusable.refuse()
