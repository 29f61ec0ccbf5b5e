"""The data sets that torchvision knows by name: their test sets."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, assert_never

import numpy as np

from bnnaudit.core.dataset import NamedDataset
from bnnaudit.core.digest import sha256_of_listing
from bnnaudit.core.errors import DataError, one_line
from bnnaudit.core.file_name import expanded
from bnnaudit.core.threat import Box
from bnnaudit.data.image_file import read_image_file, size_of
from bnnaudit.data.labels import class_indices
from bnnaudit.data.part import DataPart
from bnnaudit.data.pictures import ImageSource, PictureSource, Resizing
from bnnaudit.data.source import ArraySource


def open_named(dataset: NamedDataset, root: Path | None, wanted: DataPart = DataPart.HELD_OUT) -> ImageSource:
    """The test set (ImageNet: the validation set), or the training set, below `root`; torchvision fetches it if it is not there.

    Raises DataError, saying where it looked and how to get the data, where neither works.
    """
    if root is None:
        raise DataError(f"{dataset}: no folder to read it from; give torchvision's data folder as --data-root")
    training = wanted is DataPart.TRAINING
    match dataset:
        case NamedDataset.MNIST | NamedDataset.FASHION_MNIST | NamedDataset.CIFAR10 | NamedDataset.CIFAR100:
            return _from_arrays(dataset, _load(dataset, root, {"train": training}))
        case NamedDataset.GTSRB:
            loaded = _load(dataset, root, {"split": "train" if training else "test"})
            return _from_files(dataset, root, loaded._samples, None, Resizing.STRETCH)
        case NamedDataset.IMAGENET:
            loaded = _load(dataset, root, {"split": "train" if training else "val"})
            names = tuple(group[0] if isinstance(group, tuple) else str(group) for group in loaded.classes)
            return _from_files(dataset, root, loaded.samples, names, Resizing.CENTRE_CROP)
        case _:
            assert_never(dataset)


def _load(dataset: NamedDataset, root: Path, options: dict[str, object]) -> Any:
    """torchvision's data set object; what it prints goes to stderr, for stdout carries the report alone."""
    from torchvision import datasets

    build = getattr(datasets, dataset)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            return build(root, **options, **({} if dataset is NamedDataset.IMAGENET else {"download": False}))
        except Exception as error:  # torchvision raises whatever the data's reader raises
            missing = error
        if dataset is NamedDataset.IMAGENET:
            raise DataError(
                f"ImageNet: not found in {root} ({one_line(missing, 120)}); put ILSVRC2012_img_val.tar and "
                "ILSVRC2012_devkit_t12.tar.gz there (image-net.org, after registration)"
            ) from missing
        try:
            return build(root, **options, download=True)
        except Exception as error:
            raise DataError(
                f"{dataset}: not found in {root} and not downloaded ({one_line(error, 120)}); fetch it once with "
                f"torchvision.datasets.{dataset}({str(root)!r}, download=True), or correct --data-root"
            ) from error


def _from_arrays(dataset: NamedDataset, loaded: Any) -> ArraySource:
    """The data sets that torchvision holds in memory as uint8."""
    values = np.asarray(loaded.data)
    targets = class_indices(dataset, np.asarray(loaded.targets), len(values))
    sha256 = hashlib.sha256(np.ascontiguousarray(values).tobytes() + targets.tobytes()).hexdigest()
    return ArraySource(str(dataset), values, Box(0.0, 255.0), targets, sha256, tuple(loaded.classes))


def _from_files(
    dataset: NamedDataset,
    root: Path,
    samples: Sequence[tuple[str, int]],
    class_names: tuple[str, ...] | None,
    resizing: Resizing,
) -> PictureSource:
    """The data sets that torchvision keeps as files of varying size, named from `root` on."""
    folder = expanded(root)
    files = tuple(os.path.relpath(file, folder) for file, _ in samples)
    where = f"{dataset} in {root}"
    listing = [(Path(file).name, size_of(folder / file, f"{where}: {file}")) for file in files]
    return PictureSource(
        name=str(dataset),
        where=where,
        files=files,
        targets=np.asarray([target for _, target in samples], dtype=np.int64),
        class_names=class_names,
        fetch=lambda name: read_image_file(folder / name, f"{where}: {name}"),
        sha256=sha256_of_listing(listing),
        resizing=resizing,
    )
