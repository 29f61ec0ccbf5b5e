"""Under which names an `.npz` holds images and labels: ours, and those that Keras, MedMNIST and others write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bnnaudit.core.errors import DataError, listed
from bnnaudit.data.part import DataPart

IMAGES, LABELS, RANGE = "x", "y", "input_range"

IMAGE_WORDS = frozenset({"x", "image", "images", "img", "imgs", "data", "input", "inputs", "features", "samples"})
LABEL_WORDS = frozenset({"y", "label", "labels", "target", "targets", "class", "classes"})
"""Words that name images, and labels."""
PARTS = {DataPart.HELD_OUT: ("test", "", "val", "train"), DataPart.TRAINING: ("train", "", "test", "val")}
"""Parts of a data set, of which the first that a file has is taken."""
PART_WORDS = {
    **dict.fromkeys(("test", "eval"), "test"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("train", "training"), "train"),
}
"""Words that name a part, and the part."""
UNNAMED = ("arr_0", "arr_1")
"""What numpy.savez calls arrays that it is given without names."""
REMEDY = "save the images as x and the labels as y"


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of the arrays that are read; `labels` is None for a file without any."""

    images: str
    labels: str | None

    @property
    def usual(self) -> bool:
        """Whether these are the names that our own files have, which no report needs to mention."""
        return self.images == IMAGES and self.labels in (LABELS, None)


def find_keys(path: Path | str, names: Sequence[str], wanted: DataPart = DataPart.HELD_OUT) -> Keys:
    """Which arrays of a file are images and labels; raises DataError where none is, or where several could be."""
    if IMAGES in names and (LABELS in names or len(_of_kind(names, LABEL_WORDS, "")) != 1):
        return Keys(IMAGES, LABELS if LABELS in names else None)
    if names and set(names) - {RANGE} <= set(UNNAMED) and UNNAMED[0] in names:
        return Keys(UNNAMED[0], UNNAMED[1] if UNNAMED[1] in names else None)
    for part in PARTS[wanted]:
        images = _of_kind(names, IMAGE_WORDS, part)
        labels = _of_kind(names, LABEL_WORDS, part)
        if len(images) > 1 or (images and len(labels) > 1):
            both = " and ".join(name[:80] for name in (images if len(images) > 1 else labels)[:3])
            raise DataError(f"{path}: {both} are both possible; {REMEDY}")
        if images:
            return Keys(images[0], labels[0] if labels else None)
    held = listed([name[:80] for name in sorted(names)], most=12) or "nothing"
    raise DataError(f"{path}: no array named x, or as Keras or MedMNIST would name images (it holds {held}); {REMEDY}")


def _of_kind(names: Sequence[str], words: frozenset[str], part: str) -> list[str]:
    """The names made of one of `words`, and of a word for the part where there is one: `x_test`, `test_images`, `labels`."""
    return [name for name in names if _read(name, words) == part]


def _read(name: str, words: frozenset[str]) -> str | None:
    """The part of a data set that a name stands for, empty for the whole; None where it names something else."""
    parts = [PART_WORDS[word] for word in _words(name) if word in PART_WORDS]
    others = [word for word in _words(name) if word not in PART_WORDS]
    if len(others) != 1 or others[0] not in words or len(parts) > 1:
        return None
    return parts[0] if parts else ""


def _words(name: str) -> list[str]:
    """`testImages`, `test_images` and `X-test` as words in small letters."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^A-Za-z0-9]+", spaced.lower()) if word]
