"""Data sets and loaders that Python was given: of a known length only the sample is read, of a stream all of it, once.

Transforms of the data set are applied as they are. Those that draw random numbers draw the same ones for an image whenever it is
read: the generators of Python, NumPy and PyTorch are seeded by the image's index before.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    default_collate,
)

from bnnaudit.core.errors import DataError, UsageError, one_line
from bnnaudit.data.given_arrays import as_array, named, sha256_of_arrays
from bnnaudit.data.given_units import Feeding, Units, units_of_given
from bnnaudit.data.labels import class_indices
from bnnaudit.data.npz_keys import find_keys
from bnnaudit.data.pictures import GREY_MODES
from bnnaudit.data.sample import ranks, shuffled
from bnnaudit.data.source import GivenSource, refuse_oversized

Item: TypeAlias = tuple[NDArray[Any], Any]
"""An image (H, W), (H, W, C), (C, H, W) or (features,), and its label, None where it has none."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How many images are sampled by which seed, and how many others may be asked for later."""

    samples: int
    seed: int
    others: int = 0


def open_loader(loader: DataLoader[Any], drawing: Drawing, feeding: Feeding) -> GivenSource:
    """The images of a loader.

    One that goes through a whole data set, shuffled or not, is read by its data set's indices; another one to its end, and its
    images are numbered as they come.
    """
    dataset = loader.dataset
    name = f"DataLoader of {type(dataset).__name__}"
    if _is_plain(loader):
        return open_dataset(dataset, drawing, feeding, name)
    generator = loader.generator
    before = None if generator is None else generator.get_state()
    try:
        return open_stream(_items_of_batches(loader, name), drawing, feeding, name, _classes(dataset))
    finally:
        if generator is not None and before is not None:
            generator.set_state(before)


def open_dataset(dataset: Any, drawing: Drawing, feeding: Feeding, name: str = "") -> GivenSource:
    """A data set of (image, label), of images, or of mappings with both; raises DataError where an item is neither."""
    name = name or type(dataset).__name__
    if isinstance(dataset, IterableDataset):
        return open_stream(_items_of(dataset, name), drawing, feeding, name, _classes(dataset))
    count = len(dataset)
    if count == 0:
        raise DataError(f"{name}: no images")
    if drawing.samples < 1:
        raise UsageError(f"samples: {drawing.samples} is not a number of images; give at least 1")

    def fetch(index: int) -> Item:
        _seed_generators(drawing.seed, index)
        try:
            read = dataset[index]
        except Exception as error:  # the data set is the caller's code
            raise DataError(
                f"{name}: item {index} cannot be read ({type(error).__name__}: {one_line(error, 160)})"
            ) from error
        return _item(read, f"{name}: item {index}")

    ids = np.sort(shuffled(count, drawing.seed)[: drawing.samples])
    return _source(name, count, ids, [fetch(int(index)) for index in ids], fetch, feeding, _classes(dataset))


def open_stream(
    items: Iterable[Item], drawing: Drawing, feeding: Feeding, name: str, classes: tuple[str, ...] | None = None
) -> GivenSource:
    """Items of unknown number, of which the sample and the others are kept: the same as of a data set in that order."""
    kept: list[tuple[int, int, Item]] = []
    wanted, count = drawing.samples + drawing.others, 0
    for item in items:
        rank = -int(ranks(np.asarray([count]), drawing.seed)[0])
        if len(kept) < wanted:
            heapq.heappush(kept, (rank, count, item))
        elif rank > kept[0][0]:
            heapq.heapreplace(kept, (rank, count, item))
        count += 1
    if not kept:
        raise DataError(f"{name}: no images")
    by_index = {index: item for _, index, item in kept}
    drawn = [index for _, index, _ in sorted(kept, reverse=True)[: drawing.samples]]
    ids = np.sort(np.asarray(drawn, dtype=np.int64))
    return _source(name, count, ids, [by_index[int(index)] for index in ids], by_index.__getitem__, feeding, classes)


def _source(
    name: str,
    count: int,
    ids: NDArray[np.int64],
    drawn: list[Item],
    fetch: Callable[[int], Item],
    feeding: Feeding,
    classes: tuple[str, ...] | None,
) -> GivenSource:
    """The items `ids` that are drawn, and others when they are asked for."""
    images = _stacked(name, [image for image, _ in drawn])
    numbers = _numbers(name, [label for _, label in drawn])
    units = units_of_given(name, images, feeding)
    rows = {int(index): row for row, index in enumerate(ids)}
    return GivenSource(
        name=named(name, units.note),
        length=count,
        images=lambda indices: _read(name, indices, rows, images, fetch, units),
        numbers=None if numbers is None else lambda indices: numbers[[rows[int(index)] for index in indices]],
        units=units.box,
        sha256=sha256_of_arrays(images, numbers),
        held=ids,
        class_names=classes,
    )


def _read(
    name: str,
    indices: NDArray[np.int64],
    rows: Mapping[int, int],
    images: NDArray[Any],
    fetch: Callable[[int], Item],
    units: Units,
) -> NDArray[np.generic]:
    parts = [images[rows[int(index)]] if int(index) in rows else fetch(int(index))[0] for index in indices]
    return units.undone(_stacked(name, parts)) if parts else images[:0]


def _stacked(name: str, images: list[NDArray[Any]]) -> NDArray[Any]:
    shapes = dict.fromkeys(image.shape for image in images)
    if len(shapes) > 1:
        shown = " and ".join("x".join(map(str, shape)) for shape in list(shapes)[:2])
        raise DataError(f"{name}: images of {len(shapes)} shapes, such as {shown}; resize them in the transforms")
    refuse_oversized(name, (len(images), *images[0].shape), images[0].itemsize, "audit fewer images with samples=")
    return np.stack(images)


def _numbers(name: str, labels: list[Any]) -> NDArray[np.int64] | None:
    missing = sum(label is None for label in labels)
    if missing:
        if missing < len(labels):
            raise DataError(
                f"{name}: {missing} of {len(labels)} images have no label; give one for each, or none at all"
            )
        return None
    return class_indices(name, as_array([as_array(label, f"{name}: labels") for label in labels], name), len(labels))


def _item(read: Any, where: str) -> Item:
    """What a data set gives for an index, as an image and its label."""
    image, label = _pair(read, where)
    if isinstance(image, Image.Image):
        image = image.convert("L" if image.mode in GREY_MODES else "RGB")
    array = as_array(image, f"{where}: the values")
    if array.ndim not in (1, 2, 3) or array.size == 0:
        raise DataError(
            f"{where} has shape {array.shape}; an image is (H, W), (C, H, W), (H, W, C) or (features,), and a whole data set in "
            "arrays is given as data=(images, labels)"
        )
    return array, label


def _pair(read: Any, where: str) -> tuple[Any, Any]:
    if isinstance(read, Mapping):
        keys = find_keys(where, [str(name) for name in read])
        return read[keys.images], None if keys.labels is None else read[keys.labels]
    if isinstance(read, tuple | list):
        if not read:
            raise DataError(f"{where} is empty; a data set gives (image, label)")
        return read[0], read[1] if len(read) > 1 else None
    return read, None


def _items_of(dataset: Iterable[Any], name: str) -> Iterator[Item]:
    """Of a stream of single images."""
    for index, read in enumerate(_guarded(dataset, name)):
        yield _item(read, f"{name}: item {index}")


def _items_of_batches(loader: DataLoader[Any], name: str) -> Iterator[Item]:
    """Of a stream of batches; of single images where the loader does not batch."""
    if loader.batch_size is None and loader.batch_sampler is None:
        yield from _items_of(loader, name)
        return
    for number, read in enumerate(_guarded(loader, name)):
        where = f"{name}: batch {number}"
        images, labels = _pair(read, where)
        array = as_array(images, f"{where}: the values")
        known = None if labels is None else as_array(labels, f"{where}: the labels")
        if array.ndim < 2 or (known is not None and len(known) != len(array)):
            raise DataError(f"{where}: images {array.shape} with labels {None if known is None else known.shape}")
        for row in range(len(array)):
            yield _item((array[row].copy(), None if known is None else known[row]), where)


def _guarded(stream: Iterable[Any], name: str) -> Iterator[Any]:
    try:
        yield from stream
    except Exception as error:  # the stream is the caller's code
        raise DataError(f"{name}: cannot be read on ({type(error).__name__}: {one_line(error, 160)})") from error


def _is_plain(loader: DataLoader[Any]) -> bool:
    """Whether a loader gives each item of its data set once, put together as usual."""
    if isinstance(loader.dataset, IterableDataset) or loader.collate_fn is not default_collate:
        return False
    if type(loader.batch_sampler) is not BatchSampler or loader.drop_last:
        return False
    sampler = loader.sampler
    if type(sampler) is RandomSampler:
        return not sampler.replacement and sampler.num_samples == len(loader.dataset)  # type: ignore[arg-type]
    return type(sampler) is SequentialSampler


def _classes(dataset: object) -> tuple[str, ...] | None:
    """The names of the classes in the order of their numbers, as the data sets of torchvision know them."""
    classes = getattr(dataset, "classes", None)
    if isinstance(classes, list | tuple) and classes and all(isinstance(name, str) for name in classes):
        return tuple(classes)
    return None


def _seed_generators(seed: int, index: int) -> None:
    mixed = int(ranks(np.asarray([index]), seed)[0])
    random.seed(mixed)
    np.random.seed(mixed % 2**32)  # the generator that transforms use
    torch.default_generator.manual_seed(mixed % 2**63)
