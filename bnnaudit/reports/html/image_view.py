"""Single images: the cards of the gallery, and the rows of the table."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bnnaudit.core.image_rows import Example, ImageRow
from bnnaudit.core.report import Report
from bnnaudit.reports.attack_names import capitalised
from bnnaudit.reports.numbers import MISSING, length, norm_name, significant
from bnnaudit.reports.safe_text import short

_CLASS_NAME = 60
"""Characters shown of a class's name, which stands in tables and captions. Not tuned."""
_LARGEST_PIXELATED = 96
"""Pixels on the longer side up to which a picture is enlarged with its pixels kept apart. Not tuned."""
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a card: what it is, and its file as an address, which is never cut off."""

    caption: str
    alt: str
    address: Markup
    width: int
    height: int

    @property
    def pixelated(self) -> bool:
        """Whether its pixels are to stay apart when it is enlarged."""
        return max(self.width, self.height) <= _LARGEST_PIXELATED


@dataclass(frozen=True, slots=True)
class Card:
    """A counterexample: three pictures, and the predictions before and after."""

    title: str
    pictures: tuple[Picture, ...]
    before: str
    after: str
    label: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ImageLine:
    """One image as text."""

    index: int
    name: str
    label: str
    clean: str
    claimed: str
    verified: str
    adversarial: str
    fooled_by: str
    distance: str
    margin: str


def cards(report: Report, most: int) -> tuple[Card, ...]:
    """The first examples whose pictures are PNG files."""
    rows = {row.index: row for row in report.images}
    return tuple(
        _card(report, example, rows.get(example.index)) for example in report.examples[:most] if _sound(example)
    )


def lines(report: Report, most: int) -> tuple[ImageLine, ...]:
    """The first rows."""
    classes = report.data.classes
    return tuple(
        ImageLine(
            row.index,
            row.name,
            class_name(row.label, classes),
            class_name(row.clean_prediction, classes),
            withstood(row.claimed, row.right),
            withstood(row.verified, row.right),
            MISSING if row.adversarial_prediction is None else class_name(row.adversarial_prediction, classes),
            capitalised(row.fooled_by) or MISSING,
            MISSING if row.distance is None else length(row.distance),
            MISSING if row.margin is None else significant(row.margin),
        )
        for row in report.images[:most]
    )


def class_name(number: int, classes: Sequence[str]) -> str:
    """`stop (14)`; the number alone where the data name no classes."""
    name = classes[number] if 0 <= number < len(classes) else ""
    if not name or name == str(number):
        return str(number)
    return f"{short(name, _CLASS_NAME)} ({number})"


def withstood(answer: bool | None, right: bool) -> str:
    """`yes`, `no`, a dash where not measured; an image that is wrong without attack cannot withstand one."""
    if not right:
        return "wrong already"
    return MISSING if answer is None else "yes" if answer else "no"


def _card(report: Report, example: Example, row: ImageRow | None) -> Card:
    classes = report.data.classes
    before = after = label = MISSING
    facts: list[tuple[str, str]] = []
    if row is not None:
        label, before = class_name(row.label, classes), class_name(row.clean_prediction, classes)
        after = MISSING if row.adversarial_prediction is None else class_name(row.adversarial_prediction, classes)
        if row.fooled_by:
            facts.append(("Attack", capitalised(row.fooled_by)))
        if row.distance is not None:
            facts.append(("Distance", f"{norm_name(report.threat.norm)} {length(row.distance)}"))
    title = f"Image {example.index}"
    scale = f"{significant(example.scale)} times, around mid-grey"
    return Card(
        title if row is None or not row.name else f"{title}, {row.name}",
        (
            _picture("Original", f"{title}, original, predicted as {before}", example.original),
            _picture(
                f"Perturbation x {significant(example.scale)}",
                f"{title}, perturbation {scale}",
                example.perturbation,
            ),
            _picture("Adversarial", f"{title}, adversarial, predicted as {after}", example.adversarial),
        ),
        before,
        after,
        label,
        tuple(facts),
    )


def _picture(caption: str, alt: str, png: bytes) -> Picture:
    width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))
    address = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    return Picture(caption, alt, Markup(address), width, height)


def _sound(example: Example) -> bool:
    """Whether all three are PNG files with a header; others a browser would show as broken."""
    files = (example.original, example.perturbation, example.adversarial)
    return all(png.startswith(_PNG) and len(png) > 24 for png in files)
