"""Files that belong together, put where others of the same names may be: all of them or none."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from bnnaudit.core.part_files import part_beside


def replace_together(made: Path, folder: Path, names: Sequence[str], speaking: str) -> None:
    """Moves the files `names`, in this order, from the folder `made` to `folder`, on the same file system.

    speaking: the one of them that speaks of the others. What is there is kept until all are in place, and put back where one
    cannot be; OSError is then raised. No system replaces several files at once, so a process that is killed in between, within
    a millisecond or so, leaves some of them; but never beside a file that speaks of others, because that is taken away before.
    """
    for name in names:
        _settle(made / name, folder / name)
    with part_beside(folder / "old", ".old") as old:
        old.mkdir()
        for name in names:
            _copy(folder / name, old / name)
        try:
            (folder / speaking).unlink(missing_ok=True)
            for name in names:
                (made / name).replace(folder / name)
        except BaseException:
            _put_back(old, folder, names, made)
            raise


def _settle(file: Path, place: Path) -> None:
    """Has the system write the file out, so that a full disk is told now, with the rights of the file that it replaces."""
    if place.is_file():
        file.chmod(place.stat().st_mode & 0o777)
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _copy(file: Path, place: Path) -> None:
    """A second name for the file, if it is there, or a copy where the file system has no second names."""
    if not os.path.lexists(file):
        return
    try:
        os.link(file, place, follow_symlinks=False)
    except (OSError, NotImplementedError):
        shutil.copy2(file, place, follow_symlinks=False)


def _put_back(old: Path, folder: Path, names: Sequence[str], made: Path) -> None:
    for name in reversed(names):
        with contextlib.suppress(OSError):
            if os.path.lexists(old / name):
                (old / name).replace(folder / name)
            elif not os.path.lexists(made / name):
                (folder / name).unlink(missing_ok=True)
