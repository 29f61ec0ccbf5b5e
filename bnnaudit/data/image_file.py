"""Image files on disk: what is no plain file, such as a pipe that never ends, is never opened."""

from __future__ import annotations

import stat
from pathlib import Path

from bnnaudit.core.errors import DataError
from bnnaudit.core.file_limits import IMAGE_BYTES


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
    if IMAGE_BYTES.exceeded_by(size := size_of(path, where)):
        raise DataError(f"{where}: {IMAGE_BYTES.refusal(size)}; replace or remove it")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{where}: cannot be read ({error.strerror}); replace or remove it") from error
