"""The table of images from the JSON of a report."""

from __future__ import annotations

import math
from dataclasses import fields
from types import NoneType
from typing import Any, get_args, get_type_hints

from bnnaudit.core.image_rows import Example, ImageRow
from bnnaudit.reports.json.parsing.node import LARGEST, Node

_INFINITE = (math.inf, -math.inf)
"""What a number with too large an exponent is read as."""
_PNG = b"\x89PNG\r\n\x1a\n"


def read_images(node: Node) -> tuple[ImageRow, ...]:
    """A row for each image; columns may stand in any order, and further ones are passed over."""
    columns = node["columns"].read(tuple[str, ...])
    names = [field.name for field in fields(ImageRow)]
    missing = [name for name in names if name not in columns]
    if missing:
        raise node["columns"].refused(f"a list with {missing[0]}")
    hints = get_type_hints(ImageRow)
    places = [(columns.index(name), _types(hints[name])) for name in names]
    return tuple(_row(row, len(columns), places) for row in node["data"].entries())


def _types(kind: Any) -> frozenset[type]:
    """The types that a value of JSON may have for this field. A whole number is a number, and null one that is not finite."""
    kinds = frozenset(get_args(kind) or (kind,))
    return kinds | {int, NoneType} if float in kinds else kinds


def _row(node: Node, width: int, places: list[tuple[int, frozenset[type]]]) -> ImageRow:
    values = node.value
    if type(values) is not list or len(values) != width:
        raise node.refused(f"a list of {width}")
    for place, types in places:
        value = values[place]
        if type(value) not in types or (type(value) is int and abs(value) >= LARGEST) or value in _INFINITE:
            names = " or ".join(sorted("null" if one is NoneType else one.__name__ for one in types))
            raise Node(value, f"{node.place}[{place}]").refused(names)
    return ImageRow(*(values[place] for place, _ in places))


def read_examples(node: Node) -> tuple[Example, ...]:
    """Counterexamples with their pictures."""
    examples = node.read(tuple[Example, ...])
    for entry, example in zip(node.entries(), examples, strict=True):
        for name in ("original", "perturbation", "adversarial"):
            if not getattr(example, name).startswith(_PNG):
                raise entry[name].refused("a PNG file")
    return examples
