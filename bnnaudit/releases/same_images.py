"""The images that two reports have in common, matched by their digests whatever their order and numbering."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from bnnaudit.core.comparison import SharedImages
from bnnaudit.core.image_rows import ImageRow
from bnnaudit.core.report import Report


@dataclass(frozen=True, slots=True)
class SameImages:
    """Rows of the same image in an older and a newer report, and how many there are."""

    pairs: tuple[tuple[ImageRow, ImageRow], ...]
    counts: SharedImages


def same_images(older: Report, newer: Report) -> SameImages:
    """Pairs each image with the same one, in the order of the older report.

    An image that occurs several times is paired as often as both reports have it. Where both data sets have labels, the same
    image with another label counts as shared and is paired with none: the two models were not asked the same question. Without
    labels a row's label is the model's own answer, which is no part of the image.
    """
    labelled = older.data.labelled and newer.data.labelled
    waiting: dict[Hashable, list[ImageRow]] = defaultdict(list)
    for row in reversed(newer.images):
        waiting[_key(row, labelled)].append(row)
    pairs = []
    for row in older.images:
        others = waiting[_key(row, labelled)]
        if others:
            pairs.append((row, others.pop()))
    shared = _shared(older.images, newer.images)
    counts = SharedImages(len(older.images), len(newer.images), shared, shared - len(pairs))
    return SameImages(tuple(pairs), counts)


def _key(row: ImageRow, labelled: bool) -> Hashable:
    return (row.digest, row.label) if labelled else row.digest


def _shared(older: Iterable[ImageRow], newer: Iterable[ImageRow]) -> int:
    return (Counter(row.digest for row in older) & Counter(row.digest for row in newer)).total()
