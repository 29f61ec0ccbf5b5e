"""Images in class folders, or in one folder without labels: on disk, or in a zip, which is read in place and never unpacked."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from bnnaudit.core.digest import sha256_of, sha256_of_listing
from bnnaudit.core.errors import DataError
from bnnaudit.data.pictures import LARGEST_FILE, PictureSource
from bnnaudit.data.tree import Arrangement, arrange


def open_folder(path: Path) -> PictureSource:
    """Lists the image files below `path`; none is decoded yet. Raises DataError where there are none, or no clear order."""
    names, empty = [], []
    for folder, folders, files in os.walk(path):
        here = Path(folder).relative_to(path)
        names += [(here / file).as_posix() for file in files]
        if not folders and not files:
            empty.append(here.as_posix())
    found = arrange(str(path), names, empty)
    listing = ((name, (path / name).stat().st_size) for name in found.files)
    name = f"{path.resolve().name}/{found.part}".rstrip("/")
    return _source(found, name, str(path), lambda file: (path / file).read_bytes(), sha256_of_listing(listing))


def open_archive(path: Path, inside: str = "") -> PictureSource:
    """Lists the image files of a zip below the folder `inside`. Raises DataError for a damaged zip or an unclear tree."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise DataError(f"{path}: not a readable zip ({error}); give a zip of class folders") from error
    prefix = f"{inside}/" if inside else ""
    names = [name for name in archive.namelist() if name.startswith(prefix) and ".." not in name.split("/")]
    if inside and not names:
        tops = ", ".join(sorted({PurePosixPath(name).parts[0] for name in archive.namelist()})[:6])
        raise DataError(f"{path}: holds no folder {inside} (top level: {tops or 'nothing'})")
    files = [name.removeprefix(prefix) for name in names if not name.endswith("/")]
    # A parent of a parent is looked up once a folder, not once a file: there may be a hundred thousand of these.
    holding = {PurePosixPath(folder) for folder in {name.rpartition("/")[0] for name in files}}
    occupied = {str(folder) for parent in holding for folder in (parent, *parent.parents)}
    folders = [name.removeprefix(prefix).rstrip("/") for name in names if name.endswith("/")]
    where = f"{path}:{inside}" if inside else str(path)
    found = arrange(where, files, [name for name in folders if name not in occupied])
    part = "/".join(text for text in (inside, found.part) if text)
    name = f"{path.name}:{part}" if part else path.name
    return _source(found, name, where, lambda file: _read_member(archive, prefix + file, where), sha256_of(path))


def _source(found: Arrangement, name: str, where: str, fetch: Callable[[str], bytes], sha256: str) -> PictureSource:
    targets = np.asarray(found.targets, dtype=np.int64) if found.targets else None
    return PictureSource(name, where, found.files, targets, found.class_names, fetch, sha256)


def _read_member(archive: zipfile.ZipFile, name: str, where: str) -> bytes:
    """The bytes of one file of the zip, which may not unpack to more than an image can need."""
    if archive.getinfo(name).file_size > LARGEST_FILE:
        raise DataError(f"{where}: {name} unpacks to more than {LARGEST_FILE // 2**20} MiB; it is not read")
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise DataError(f"{where}: {name} cannot be unpacked ({error}); create the zip again") from error
