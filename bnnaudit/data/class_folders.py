"""Images in class folders, or in one folder without labels: on disk, or in a zip, which is read in place and never unpacked."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from bnnaudit.core.archive import ArchiveError, open_zip, read_member, refuse_twins
from bnnaudit.core.digest import sha256_of, sha256_of_listing
from bnnaudit.core.errors import DataError
from bnnaudit.core.file_limits import FOLDER_DEPTH, FREE_MEMBER, IMAGE_BYTES, MEMBER_PACKING, MOST_IMAGES
from bnnaudit.core.file_name import shown
from bnnaudit.data.image_file import read_image_file, size_of
from bnnaudit.data.part import DataPart
from bnnaudit.data.pictures import PictureSource
from bnnaudit.data.tree import Arrangement, Parts, arrange, is_hidden, is_image, parts_of


def open_folder(path: Path, wanted: DataPart = DataPart.HELD_OUT) -> PictureSource:
    """Lists the image files below `path`; none is decoded yet.

    Links to files are followed, those to folders are not. Raises DataError where there are no images, no clear order, or an
    entry that is no file.
    """
    names: list[str] = []
    empty: list[str] = []
    for here, folders, files in _walked(path):
        names += [f"{here}/{file}" if here else file for file in files if is_image((file,))]
        if not folders and not files:
            empty.append(here)
        if MOST_IMAGES.exceeded_by(len(names)):
            raise DataError(
                f"{path}: below it are {MOST_IMAGES.refusal(len(names))}; name the folder that holds the test set"
            )
    stored = {shown(name): name for name in names}
    found = arrange(str(path), list(stored), [shown(name) for name in empty], wanted)
    listing = [(name, size_of(path / stored[name], f"{path}: {name}")) for name in found.files]
    name = f"{shown(path.resolve().name)}/{found.part}".rstrip("/")
    digest = sha256_of_listing((stored[name], size) for name, size in listing)
    where = shown(path)
    return _source(found, name, where, lambda file: read_image_file(path / stored[file], f"{where}: {file}"), digest)


def _walked(path: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Of each folder the name inside `path` (empty for itself), its folders and its files; hidden folders are left out."""

    def refuse(error: OSError) -> None:
        raise DataError(f"{shown(str(error.filename))}: cannot be read ({error.strerror})")

    start = len(os.path.join(path, ""))  # noqa: PTH118 - the folder with a slash at its end
    for folder, folders, files in os.walk(path, onerror=refuse):
        folders[:] = [name for name in folders if not is_hidden(name)]
        here = folder[start:].replace(os.sep, "/")
        if folders and FOLDER_DEPTH.exceeded_by(depth := here.count("/") + 1):
            raise DataError(f"{path}: nests {FOLDER_DEPTH.refusal(depth)}; name the one with the images")
        yield here, folders, files


def open_archive(path: Path, inside: str = "", wanted: DataPart = DataPart.HELD_OUT) -> PictureSource:
    """Lists the image files of a zip below the folder `inside`. Raises DataError for a damaged zip or an unclear tree."""
    where = shown(f"{path}:{inside}" if inside else path)
    try:
        archive = open_zip(path)
    except ArchiveError as error:
        raise DataError(f"{path}: not a readable zip: {error}; give a zip of class folders") from error
    held = _below(archive.infolist(), parts_of(inside))
    if inside and not held:
        tops = sorted({parts[0][:80] for entry in archive.infolist() if (parts := parts_of(entry.filename))})[:6]
        raise DataError(f"{path}: holds no folder {inside} (top level: {', '.join(tops) or 'nothing'})")
    if deep := next((parts for _, parts in held if FOLDER_DEPTH.exceeded_by(len(parts))), None):
        raise DataError(f"{where}: nests {FOLDER_DEPTH.refusal(len(deep))}; create the zip again")
    images = [("/".join(parts), entry) for entry, parts in held if is_image(parts) and not entry.is_dir()]
    if MOST_IMAGES.exceeded_by(len(images)):
        raise DataError(f"{where}: in it are {MOST_IMAGES.refusal(len(images))}; give a zip of the test set")
    try:
        refuse_twins([name for name, _ in images])
    except ArchiveError as error:
        raise DataError(f"{where}: {error}, so that it is unclear which is meant; create the zip again") from error
    files = dict(images)
    found = arrange(where, list(files), list(_empty_folders(held)), wanted)
    part = "/".join(text for text in (inside, found.part) if text)
    name = shown(f"{path.name}:{part}" if part else path.name)
    return _source(found, name, where, lambda file: _read_entry(archive, files, file, where), sha256_of(path))


def _below(entries: Iterable[zipfile.ZipInfo], inside: Parts) -> list[tuple[zipfile.ZipInfo, Parts]]:
    """The entries below a folder of the zip, each with its path from there on; those that lead outside are left out.

    Nothing is unpacked to these paths, so `/a/b.png`, `./a/b.png` and `a//b.png` are all `a/b.png`.
    """
    paths = [(entry, parts_of(entry.filename)) for entry in entries]
    if not inside:
        return [(entry, parts) for entry, parts in paths if parts and ".." not in parts]
    depth = len(inside)
    return [
        (entry, parts[depth:])
        for entry, parts in paths
        if parts[:depth] == inside and len(parts) > depth and ".." not in parts
    ]


def _empty_folders(held: Iterable[tuple[zipfile.ZipInfo, Parts]]) -> Iterator[str]:
    """The folders in which no file is."""
    occupied: set[Parts] = set()
    folders: list[Parts] = []
    for entry, parts in held:
        if entry.is_dir():
            folders.append(parts)
            continue
        folder = parts[:-1]
        # A folder that is known has its parents known: there may be a hundred thousand files in it.
        while folder and folder not in occupied:
            occupied.add(folder)
            folder = folder[:-1]
    yield from ("/".join(folder) for folder in folders if folder not in occupied)


def _source(found: Arrangement, name: str, where: str, fetch: Callable[[str], bytes], sha256: str) -> PictureSource:
    targets = np.asarray(found.targets, dtype=np.int64) if found.targets else None
    return PictureSource(name, where, found.files, targets, found.class_names, fetch, sha256)


def _read_entry(archive: zipfile.ZipFile, files: Mapping[str, zipfile.ZipInfo], name: str, where: str) -> bytes:
    """The bytes of one file of the zip, which may not unpack to more than an image can need."""
    entry = files[name]
    packing = entry.file_size / max(1, entry.compress_size)
    try:
        if entry.file_size > FREE_MEMBER and MEMBER_PACKING.exceeded_by(packing):
            raise ArchiveError(
                f"{entry.filename[:80]} unpacks to {entry.file_size:,} bytes: {MEMBER_PACKING.refusal(packing)}"
            )
        return read_member(archive, entry, IMAGE_BYTES)
    except ArchiveError as error:
        raise DataError(f"{where}: {error}; create the zip again") from error
