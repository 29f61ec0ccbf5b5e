"""What a tree of image files means: class folders, a split of them, or pictures without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from bnnaudit.core.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm"})
HELD_OUT = ("test", "val", "valid", "validation")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The images of a tree in a fixed order.

    files: their names inside the tree. targets: one class index a file, or empty for images without labels. part: the
    folder of the tree that was taken, empty for the whole of it.
    """

    files: tuple[str, ...]
    targets: tuple[int, ...]
    class_names: tuple[str, ...] | None
    part: str


def arrange(where: str, names: Sequence[str], empty_folders: Sequence[str] = ()) -> Arrangement:
    """Sorts out the files of a tree, given by names relative to its root with `/` between folders.

    ROOT/CLASS/IMAGE is labelled by the order of the class folders (numbers by value, else by name; an empty folder counts);
    ROOT/IMAGE has no labels; deeper trees are descended into, and where they part into splits the one that is held out
    (`test`, `val`) is taken. Raises DataError for a tree without images or one that could be read in two ways.
    """
    paths = sorted(PurePosixPath(name) for name in names if _is_image(PurePosixPath(name)))
    if not paths:
        kinds = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise DataError(f"{where}: no image files ({kinds}); give a folder of class folders, or a folder of images")
    part = PurePosixPath()
    depths = {len(path.parts) for path in paths}
    while min(depths) > 2:
        part = _descend(where, paths, part)
        paths = [path.relative_to(part.name) for path in paths if path.parts[0] == part.name]
        depths = {len(path.parts) for path in paths}
    if len(depths) > 1:
        shallow, deep = min(paths, key=lambda path: len(path.parts)), max(paths, key=lambda path: len(path.parts))
        raise DataError(
            f"{where}: images at different depths ({part / shallow} and {part / deep}); give a folder whose class folders "
            "hold the images directly"
        )
    if depths == {1}:
        return Arrangement(tuple(str(part / path) for path in paths), (), None, _text(part))
    return _by_class(paths, part, [PurePosixPath(name) for name in empty_folders])


def _by_class(
    paths: Sequence[PurePosixPath], part: PurePosixPath, empty_folders: Sequence[PurePosixPath]
) -> Arrangement:
    """The arrangement of CLASS/IMAGE paths under `part`."""
    empty = {
        folder.name for folder in empty_folders if folder.parent == part and not folder.name.startswith(("_", "."))
    }
    classes = sorted({path.parts[0] for path in paths} | empty)
    if all(name.isdecimal() for name in classes):
        classes.sort(key=int)
    order = {name: index for index, name in enumerate(classes)}
    ranked = sorted(paths, key=lambda path: (order[path.parts[0]], path))
    targets = tuple(order[path.parts[0]] for path in ranked)
    return Arrangement(tuple(str(part / path) for path in ranked), targets, tuple(classes), _text(part))


def _descend(where: str, paths: Sequence[PurePosixPath], part: PurePosixPath) -> PurePosixPath:
    """The one folder to go into: the only one, or the only one that is held out."""
    folders = sorted({path.parts[0] for path in paths})
    held_out = [name for name in folders if name.lower() in HELD_OUT]
    if len(folders) == 1:
        return part / folders[0]
    if len(held_out) == 1:
        return part / held_out[0]
    shown = ", ".join(folders[:6]) + (", ..." if len(folders) > 6 else "")
    raise DataError(f"{where}: several folders of class folders ({shown}) and not one that is the test set; name one")


def _is_image(path: PurePosixPath) -> bool:
    """An image file by its name, outside hidden folders and those that archivers add."""
    hidden = any(name.startswith(".") or name == "__MACOSX" for name in path.parts)
    return path.suffix.lower() in SUFFIXES and not hidden


def _text(part: PurePosixPath) -> str:
    return "" if part == PurePosixPath() else str(part)
