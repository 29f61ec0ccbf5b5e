"""Which images are audited: a seeded sample, and a pool of others for training substitutes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnnaudit.core.errors import DataError, UsageError
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.report import DataFacts
from bnnaudit.data.fitting import read_fitting
from bnnaudit.data.labels import refuse_foreign_classes
from bnnaudit.data.pictures import ImageSource, PictureSource
from bnnaudit.data.source import GivenSource, refuse_oversized


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """N images to audit.

    images (N, C, H, W) or (N, features), float32 in the model's range; labels (N,) int64, None for data without; ids (N,)
    int64, rising: the images' indices in the data set. names: of the images' files, empty for data that are no files.
    """

    images: Tensor
    labels: Tensor | None
    ids: Tensor
    facts: DataFacts
    names: tuple[str, ...] = ()


def take_sample(source: ImageSource, facts: ModelFacts, samples: int | None, seed: int) -> Sample:
    """A sample without replacement, all the images where `samples` is None or more than there are.

    It depends on `seed` and on the number of images alone, and a smaller sample is part of a larger one. Raises UsageError
    for `samples` below 1, DataError for data that are empty or do not fit the model.
    """
    if samples is not None and samples < 1:
        raise UsageError(f"samples: {samples} is not a number of images; give at least 1")
    if len(source) == 0:
        raise DataError(f"{source.name}: no images")
    ids = np.sort(shuffled(len(source), seed)[:samples])
    labels = _checked_labels(source, ids, facts)
    images, note = _read(source, ids, facts)
    return Sample(
        images=images,
        labels=None if labels is None else torch.from_numpy(labels),
        ids=torch.from_numpy(ids),
        facts=DataFacts(
            source=f"{source.name} ({note})" if note else source.name,
            samples=len(ids),
            sha256=source.sha256,
            labelled=labels is not None,
            classes=source.class_names or (),
        ),
        names=tuple(source.files[index] for index in ids) if isinstance(source, PictureSource) else (),
    )


def take_pool(source: ImageSource, facts: ModelFacts, exclude_ids: Tensor, limit: int, seed: int) -> Tensor:
    """At most `limit` images that are not among `exclude_ids`, as `take_sample` gives them; (0, ...) where none are left."""
    order = shuffled(len(source), seed)
    ids = np.sort(order[~np.isin(order, exclude_ids.cpu().numpy())][: max(0, limit)])
    return _read(source, ids if len(ids) else order[:1], facts)[0][: len(ids)]


def shuffled(count: int, seed: int) -> NDArray[np.int64]:
    """0..count-1 in an order that the seed fixes for every machine and every release of numpy: by their `ranks`."""
    return np.argsort(ranks(np.arange(count, dtype=np.int64), seed), kind="stable").astype(np.int64)


def ranks(indices: NDArray[np.int64], seed: int) -> NDArray[np.uint64]:
    """What orders the images at `indices` of a data set of any length: a hash of (seed, index).

    It is the finaliser of SplitMix64 [Steele et al. 2014], so that no two indices share one.
    """
    golden, mask = 0x9E3779B97F4A7C15, (1 << 64) - 1
    state = (indices.astype(np.uint64) + np.uint64(1) + np.uint64(_mixed(seed & mask))) * np.uint64(golden)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _mixed(seed: int) -> int:
    """The seed spread over 64 bits, so that the orders of neighbouring seeds have nothing in common."""
    mask = (1 << 64) - 1
    state = (seed + 0x9E3779B97F4A7C15) & mask
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
    return state ^ (state >> 31)


def _read(source: ImageSource, ids: NDArray[np.int64], facts: ModelFacts) -> tuple[Tensor, str]:
    """The images, after a look at the memory that they will take."""
    refuse_oversized(source.name, (len(ids), *facts.input_shape), 4, "audit fewer images with --samples")
    return read_fitting(source, ids, facts)


def _checked_labels(source: ImageSource, ids: NDArray[np.int64], facts: ModelFacts) -> NDArray[np.int64] | None:
    """The labels of the images `ids`; those of the whole data set, as far as they are known, are all classes of the model."""
    if isinstance(source, GivenSource):
        drawn = source.labels(ids)
        if drawn is not None:
            refuse_foreign_classes(source.name, drawn, facts.num_classes)
        return drawn
    labels = source.targets
    if labels is None:
        return None
    if isinstance(source, PictureSource) and source.class_names and len(source.class_names) != facts.num_classes:
        raise DataError(
            f"{source.where}: {len(source.class_names)} class folders, but the model has {facts.num_classes} classes, so "
            "their order does not give the labels; give one folder per class (an empty one for a class without "
            "images), or images without class folders to audit without labels"
        )
    refuse_foreign_classes(source.name, labels, facts.num_classes)
    return labels[ids]
