"""Image files on disk: what is no plain file, such as a pipe that never ends, is never opened."""

from __future__ import annotations

import stat
from pathlib import Path

from bnnaudit.core.errors import DataError
from bnnaudit.data.pictures import LARGEST_FILE


def size_of(path: Path, where: str) -> int:
    """The bytes of an image file, or of the file that it is a link to."""
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"{where}: cannot be read ({error.strerror}); replace or remove it") from error
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{where}: not a file, but a folder, a pipe or a device; remove it")
    return found.st_size


def read_image_file(path: Path, where: str) -> bytes:
    """The bytes of one file, which may not be more than an image can need."""
    if (size := size_of(path, where)) > LARGEST_FILE:
        raise DataError(f"{where}: {size / 2**20:.0f} MiB is too much for one image; replace or remove it")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{where}: cannot be read ({error.strerror}); replace or remove it") from error
