"""Files and folders that are being written: whatever ends the work, none of them stays behind."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_unfinished: set[Path] = set()


@contextmanager
def part_beside(target: Path, suffix: str = ".part") -> Iterator[Path]:
    """A new name beside `target`, on its file system; what is there at the end, and was not renamed, is removed."""
    part = target.with_name(f".bnnaudit-{secrets.token_hex(8)}{suffix}")
    _unfinished.add(part)
    try:
        yield part
    finally:
        _remove(part)
        _unfinished.discard(part)


def remove_all() -> None:
    """Removes every part that is there, for a process that ends without leaving its blocks."""
    for part in tuple(_unfinished):
        _remove(part)


def _remove(part: Path) -> None:
    with contextlib.suppress(OSError):
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part, ignore_errors=True)
        elif os.path.lexists(part):
            part.unlink()
