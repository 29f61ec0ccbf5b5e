"""Images from a zip of class folders, read in place: nothing is ever unpacked to disk."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import DataError
from bnnaudit.data.pictures import LARGEST_FILE, PictureSource
from bnnaudit.data.tree import arrange


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
        raise DataError(f"{path}: holds no folder {inside} (at its top: {tops or 'nothing'})")
    files = [name.removeprefix(prefix) for name in names if not name.endswith("/")]
    # A parent of a parent is looked up once a folder, not once a file: there may be a hundred thousand of these.
    holding = {PurePosixPath(folder) for folder in {name.rpartition("/")[0] for name in files}}
    occupied = {str(folder) for parent in holding for folder in (parent, *parent.parents)}
    folders = [name.removeprefix(prefix).rstrip("/") for name in names if name.endswith("/")]
    where = f"{path}:{inside}" if inside else str(path)
    found = arrange(where, files, [name for name in folders if name not in occupied])
    part = "/".join(text for text in (inside, found.part) if text)
    return PictureSource(
        name=f"{path.name}:{part}" if part else path.name,
        where=where,
        files=found.files,
        targets=found.targets,
        class_names=found.class_names,
        fetch=lambda name: _read_member(archive, prefix + name, where),
        sha256=sha256_of(path),
    )


def _read_member(archive: zipfile.ZipFile, name: str, where: str) -> bytes:
    """The bytes of one file of the zip, which may not unpack to more than an image can need."""
    if archive.getinfo(name).file_size > LARGEST_FILE:
        raise DataError(f"{where}: {name} unpacks to more than {LARGEST_FILE // 2**20} MiB; it is not read")
    try:
        return archive.read(name)
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError, EOFError) as error:
        raise DataError(f"{where}: {name} cannot be unpacked ({error}); pack the zip again") from error
