"""The data that a recipe names, split into what is trained on and what is not."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from bnnaudit.core.dataset import NamedDataset, split_address
from bnnaudit.core.errors import DataError
from bnnaudit.data import DataPart, ImageSource, open_source
from bnnaudit.data.pictures import PictureSource
from bnnaudit.data.source import ArraySource
from bnnaudit.zoo.train.decoded_cache import OnDecoded, decoded
from bnnaudit.zoo.train.digits import load_digits_split
from bnnaudit.zoo.train.images import Images, Split
from bnnaudit.zoo.train.learnable import refuse_one_class, refuse_other_classes, refuse_rare
from bnnaudit.zoo.train.tables import DataTable

DIGITS = "digits"
MOST_DIGITS = 1796
"""That can be held out of the 1,797: one is left to train on."""
COLOURS = (1, 3)
"""Numbers of channels by which an array's layout is recognised."""
AT_ONCE = 1000
"""Images that are read for their digest at a time. Not tuned."""


def load_split(table: DataTable, root: Path | None, on_decoded: OnDecoded | None = None) -> Split:
    """The images that the table names; raises DataError for data that are missing, unreadable or too few."""
    split = _whole_split(table, root, on_decoded)
    train = split.train
    if table.images is not None and table.images < len(train):
        order = np.random.default_rng(table.seed).permutation(len(train))
        train = train.select(np.sort(order[: table.images]))
    validation = None
    if table.validation:
        train, validation = _parted(train, table.validation, table.seed, table.name)
    return replace(split, train=train, validation=validation)


def _whole_split(table: DataTable, root: Path | None, on_decoded: OnDecoded | None) -> Split:
    if table.source == DIGITS:
        if table.held_out > MOST_DIGITS:
            raise DataError(f"digits: {table.held_out} images to hold out of 1,797; hold out {MOST_DIGITS} at most")
        return load_digits_split(table.held_out, table.seed)
    address = located(table.source, root)
    folder = Path(address) if Path(address).is_dir() else None
    sources = [open_source(address, root, wanted=part) for part in (DataPart.TRAINING, DataPart.HELD_OUT)]
    drawn = same_images(*sources)
    names = [source.class_names for source in sources]
    refuse_other_classes(address, *names)
    if drawn:
        whole = _images(sources[0], table, folder, on_decoded)
        train, test = _parted(whole, table.held_out, table.seed, table.name)
    else:
        train, test = (_images(source, table, folder, on_decoded) for source in sources)
    if train.shape != test.shape:
        raise DataError(f"{address}: training images are {_text(train.shape)}, test images {_text(test.shape)}")
    classes = _classes(sources, train, test)
    refuse_one_class(sources[0].name, classes)
    if names[0] is not None and NamedDataset.parse(table.source) is None:
        remedy = (
            "add images, hold out fewer, or take its folder away" if drawn else "add images, or take its folder away"
        )
        refuse_rare(sources[0].name, names[0], train.y, 1, remedy)
    sha256 = hashlib.sha256("".join(source.sha256 for source in sources).encode()).hexdigest()
    return Split(train, test, classes, drawn, sha256, pixels_sha256="" if folder is None else _digest(train, test))


def _digest(*parts: Images) -> str:
    """SHA-256 of images and labels; what a file of the cache holds is read in parts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(str((part.x.shape, part.x.dtype)).encode())
        for array in (part.x, part.y):
            for start in range(0, len(array), AT_ONCE):
                digest.update(np.ascontiguousarray(array[start : start + AT_ONCE]).tobytes())
    return digest.hexdigest()


def located(source: str, root: Path | None) -> str:
    """The source as it can be opened: a name of torchvision's as it is, a path as it is or from `root` on."""
    if NamedDataset.parse(source) is not None or root is None:
        return source
    address = split_address(source)
    path = address[0] if address else Path(source)
    return source if path.exists() else str(root / source)


def same_images(first: ImageSource, second: ImageSource) -> bool:
    """Whether both parts are the same images: the data have no test images of their own."""
    if isinstance(first, PictureSource) and isinstance(second, PictureSource):
        return first.files == second.files
    return first.name == second.name and first.sha256 == second.sha256 and len(first) == len(second)


def _parted(images: Images, apart: int, seed: int, name: str) -> tuple[Images, Images]:
    """All but `apart` images, and those, by an order drawn from the seed."""
    if apart >= len(images):
        raise DataError(
            f"{name}: {apart:,} images to set aside of {len(images):,}; write a smaller held_out (or validation) into the "
            "recipe's [data]"
        )
    order = np.random.default_rng(seed).permutation(len(images))
    return images.select(order[:-apart]), images.select(order[-apart:])


def _images(source: ImageSource, table: DataTable, folder: Path | None, on_decoded: OnDecoded | None) -> Images:
    if source.targets is None:  # type: ignore[union-attr]
        raise DataError(f"{source.name}: no labels; training needs a folder per class, or y in an .npz")
    if isinstance(source, PictureSource):
        return Images(decoded(source, table.size, folder, on_decoded), source.targets)
    assert isinstance(source, ArraySource)
    return _of_array(source)


def _of_array(source: ArraySource) -> Images:
    """Channels last; bytes stay bytes where their range is 0..255, other values are scaled to [0, 1]."""
    values, units = source.values, source.units
    if values.ndim == 2:
        raise DataError(f"{source.name}: vectors, not images; training needs (N, H, W), (N, H, W, C) or (N, C, H, W)")
    if values.ndim == 4 and values.shape[1] in COLOURS and values.shape[3] not in COLOURS:
        values = values.transpose(0, 2, 3, 1)
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.dtype != np.uint8 or (units.low, units.high) != (0.0, 255.0):
        values = ((values.astype(np.float64) - units.low) / units.width).astype(np.float32)
    assert source.targets is not None
    return Images(values, source.targets)


def _classes(sources: list[ImageSource], *parts: Images) -> int:
    """The number of classes by their names, or by the largest label."""
    named = [len(source.class_names) for source in sources if source.class_names]
    labelled = max(int(part.y.max()) + 1 for part in parts)
    if min(int(part.y.min()) for part in parts) < 0:
        raise DataError(f"{sources[0].name}: labels below 0; classes are counted from 0 on")
    return max([*named, labelled])


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(str(length) for length in shape)
