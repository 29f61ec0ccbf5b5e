"""What a folder or zip of pictures holds, by the headers of its files: classes, sizes, colours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnnaudit.core.dataset import NamedDataset, split_address
from bnnaudit.core.errors import DataError, UsageError
from bnnaudit.core.file_name import shown
from bnnaudit.data import DataPart, open_source
from bnnaudit.data.pictures import PictureHeader, PictureSource
from bnnaudit.zoo.train.learnable import refuse_one_class, refuse_other_classes, refuse_rare
from bnnaudit.zoo.train.training_data import DIGITS, same_images
from bnnaudit.zoo.train.unusable import Unusable

FEWEST = 10
"""Images of a class that a recipe is written for: of fewer, hardly any is left to train on or to judge by. Not tuned."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What there is to train on, and to judge by.

    address: the data as a recipe names them. counts: images to train on by the names of the classes, in the order of their
    numbers. smallest, largest: (H, W), of the least and of the most pixels. grey, coloured: how many are so. test: images that
    the data set apart as their test images, 0 where there are none.
    """

    address: str
    counts: Mapping[str, int]
    smallest: tuple[int, int]
    largest: tuple[int, int]
    grey: int
    coloured: int
    test: int

    @property
    def images(self) -> int:
        """Those to train on; where there are no test images, these have yet to be held out from them."""
        return sum(self.counts.values())


def survey(source: str) -> Survey:
    """Looks at the header of every picture.

    Raises UsageError for what is not a folder or a zip, and DataError for pictures that cannot be trained on.
    """
    if NamedDataset.parse(source) is not None or source == DIGITS:
        source = f"./{source}"  # a folder that is called like a data set
    try:
        source.encode()
    except UnicodeEncodeError:
        raise UsageError(f"new: {shown(source)}: its name is not UTF-8, as a recipe is; rename it") from None
    parts = [_opened(source, part) for part in (DataPart.TRAINING, DataPart.HELD_OUT)]
    training, test = parts
    names = training.class_names or ()
    refuse_other_classes(source, training.class_names, test.class_names)
    refuse_one_class(source, len(names))
    assert training.targets is not None
    refuse_rare(source, names, training.targets, FEWEST, "add images, or take the folders away")
    drawn = same_images(training, test)
    headers = _headers([training] if drawn else parts)
    sizes = sorted({(header.height, header.width) for header in headers}, key=lambda size: (size[0] * size[1], size))
    grey = sum(header.grey for header in headers)
    counts = np.bincount(training.targets, minlength=len(names))
    return Survey(
        source,
        dict(zip(names, counts.tolist(), strict=True)),
        sizes[0],
        sizes[-1],
        grey,
        len(headers) - grey,
        0 if drawn else len(test),
    )


def _opened(source: str, part: DataPart) -> PictureSource:
    address = split_address(source)
    if not Path(source).exists() and (address is None or not address[0].exists()):
        raise UsageError(f"new: {source}: no such folder or .zip; name pictures in a folder for each class")
    if not Path(source).is_dir() and address is None:
        raise UsageError(f"new: {source}: neither a folder nor a .zip; name pictures in a folder for each class")
    found = open_source(source, wanted=part)
    assert isinstance(found, PictureSource)
    if found.targets is None:
        raise DataError(f"{source}: pictures without classes; put those of each class into a folder of their own")
    return found


def _headers(parts: list[PictureSource]) -> list[PictureHeader]:
    unusable = Unusable()
    headers: list[PictureHeader] = []
    for part in parts:
        for index, file in enumerate(part.files):
            with unusable.noted(file):
                headers.append(part.header(index))
    unusable.refuse()
    return headers
