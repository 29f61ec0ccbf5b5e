"""Names of files that the process has open, such as /dev/stdout: what they lead to is written to, and never replaced."""

from __future__ import annotations

import os
from pathlib import Path

from bnnaudit.core.file_name import followed

FOLDERS = ("/dev/fd", "/proc/self/fd")
"""Where systems show a process what it has open."""
MOST_LINKS = 40
"""That are followed, as Linux does."""
MOST_DIGITS = 9
"""Of a descriptor, which is an integer of C."""


def descriptor_of(path: Path) -> int | None:
    """The descriptor that a path names, through links; None for every other path.

    The file behind it may be one that a shell appends to, or that others write to as well.
    """
    folders = [followed(Path(folder)) for folder in FOLDERS]
    for _ in range(MOST_LINKS):
        name = path.name
        if name.isascii() and name.isdigit() and len(name) <= MOST_DIGITS and followed(path.parent) in folders:
            return int(name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


def can_write(descriptor: int) -> bool:
    """Whether it is open, for writing."""
    import fcntl  # systems that name descriptors have it

    try:
        return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
    except OSError:
        return False
