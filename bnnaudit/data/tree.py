"""What a tree of image files means: class folders, a split of them, or pictures without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import decimal

from bnnaudit.core.dataset import IMAGE_SUFFIXES
from bnnaudit.core.errors import DataError
from bnnaudit.data.part import DataPart

ARCHIVERS = "__MACOSX"
"""A folder that archivers add."""
_WORDS = {DataPart.HELD_OUT: "test", DataPart.TRAINING: "training"}

Parts = tuple[str, ...]
"""The folders of a path and its last name: plain text, for of 60,000 paths `pathlib` takes two seconds."""


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The images of a tree in a fixed order.

    files: their names inside the tree. targets: one class index per file, or empty for images without labels. part: the
    folder of the tree that was taken, empty for the whole of it.
    """

    files: tuple[str, ...]
    targets: tuple[int, ...]
    class_names: tuple[str, ...] | None
    part: str


def arrange(
    where: str, names: Sequence[str], empty_folders: Sequence[str] = (), wanted: DataPart = DataPart.HELD_OUT
) -> Arrangement:
    """Sorts out the files of a tree, given by names relative to its root with `/` between folders.

    ROOT/CLASS/IMAGE is labelled by the order of the class folders (numbers by value, else by name; an empty folder counts);
    ROOT/IMAGE has no labels; deeper trees are descended into, and where they part into splits the wanted one
    (`test`, or else `val`; `train`) is taken. Raises DataError for a tree without images or one that could be read in two ways.
    """
    paths = sorted(path for path in map(parts_of, names) if is_image(path))
    if not paths:
        kinds = ", ".join(sorted(suffix[1:] for suffix in IMAGE_SUFFIXES))
        raise DataError(f"{where}: no image files ({kinds}); give a folder of class folders, or a folder of images")
    part: Parts = ()
    depths = set(map(len, paths))
    while min(depths) > 2:
        part = _descend(where, paths, part, wanted)
        paths = [path[1:] for path in paths if path[0] == part[-1]]
        depths = set(map(len, paths))
    if len(depths) > 1:
        shallow, deep = (_text((*part, *pick(paths, key=len))) for pick in (min, max))
        raise DataError(
            f"{where}: images at different depths ({shallow} and {deep}); give a folder whose class folders "
            "hold the images directly"
        )
    if depths == {1}:
        return Arrangement(tuple(_text((*part, *path)) for path in paths), (), None, _text(part))
    return _by_class(paths, part, list(map(parts_of, empty_folders)))


def _by_class(paths: Sequence[Parts], part: Parts, empty_folders: Sequence[Parts]) -> Arrangement:
    """The arrangement of CLASS/IMAGE paths under `part`."""
    empty = {
        folder[-1]
        for folder in empty_folders
        if folder and folder[:-1] == part and not folder[-1].startswith(("_", "."))
    }
    classes = sorted({path[0] for path in paths} | empty)
    if all(name.isdecimal() for name in classes):
        classes.sort(key=_value)
    order = {name: index for index, name in enumerate(classes)}
    ranked = sorted(paths, key=lambda path: (order[path[0]], path))
    targets = tuple(order[path[0]] for path in ranked)
    return Arrangement(tuple(_text((*part, *path)) for path in ranked), targets, tuple(classes), _text(part))


def _value(digits: str) -> tuple[int, str]:
    """What orders decimal numbers by value, however long they are: Python makes no integers of more than 4,300 digits."""
    plain = "".join(str(decimal(digit)) for digit in digits).lstrip("0")
    return len(plain), plain


def _descend(where: str, paths: Sequence[Parts], part: Parts, wanted: DataPart) -> Parts:
    """The one folder to go into: the only one, or the only one of the wanted part.

    Beside `train` and `test`, `val` is what training was tuned on, so that `test` is what was held out.
    """
    folders = sorted({path[0] for path in paths})
    fitting = [name for name in folders if name.lower() in wanted.value]
    if len(fitting) > 1 and any(name.lower() in DataPart.TRAINING.value for name in folders):
        fitting = [name for name in fitting if name.lower() == wanted.value[0]]
    if len(folders) == 1:
        return (*part, folders[0])
    if len(fitting) == 1:
        return (*part, fitting[0])
    shown = ", ".join(folders[:6]) + (", ..." if len(folders) > 6 else "")
    raise DataError(
        f"{where}: several folders of class folders ({shown}) and none that is clearly the {_WORDS[wanted]} set; name one"
    )


def is_hidden(name: str) -> bool:
    """A folder or file that is no part of the data: hidden, or what archivers add."""
    return name.startswith(".") or name == ARCHIVERS


def is_image(path: Parts) -> bool:
    """An image file by its name, outside hidden folders."""
    if not path:
        return False
    for name in path:  # written out, for it is asked of every file twice
        if name[0] == "." or name == ARCHIVERS:
            return False
    stem, dot, suffix = path[-1].rpartition(".")
    return bool(stem) and (dot + suffix).lower() in IMAGE_SUFFIXES


def parts_of(name: str) -> Parts:
    """The names on a path, as it would be found on disk."""
    return tuple([part for part in name.split("/") if part and part != "."])


def _text(path: Parts) -> str:
    return "/".join(path)
