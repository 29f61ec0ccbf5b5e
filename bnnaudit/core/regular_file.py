"""Files that somebody names: what is no regular file, such as a pipe that nobody fills, is refused and not waited for."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

NO_FILE = "not a file, but a folder, a pipe or a device"
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)
"""Opening a pipe waits for its other end, and this does not; of a regular file it changes nothing. Windows has no such pipes."""


def open_regular(path: Path) -> BufferedReader:
    """The file, or the one that a link leads to, to be read as bytes; OSError where it cannot be read or is no regular file.

    It is looked at before, because opening some devices does something, and after, because it may be another by then.
    """
    _require_regular(path, path.stat())
    # Path.open takes no opener.
    stream = open(path, "rb", opener=lambda name, flags: os.open(name, flags | _AT_ONCE))  # noqa: SIM115
    try:
        _require_regular(path, os.fstat(stream.fileno()))
    except BaseException:
        stream.close()
        raise
    return stream


def _require_regular(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, NO_FILE, str(path))
