"""Where evidence is put: a folder or a zip that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bnnaudit.core.errors import UsageError
from bnnaudit.core.part_files import part_beside
from bnnaudit.evidence.errors import NoEvidenceError, RefusedError
from bnnaudit.evidence.manifest import read_manifest
from bnnaudit.evidence.stores import MANIFEST, evidence_in, open_store

TIME = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can state: the same evidence is the same file."""
STORED = (".png", ".npz")
"""Files that are compressed as they are."""


def require_place(path: Path) -> None:
    """Raises UsageError where evidence cannot be put at `path`, or something else is there that would be lost."""
    try:
        parent = path.resolve().parent
    except RuntimeError as error:
        raise UsageError(f"evidence: {path} is a loop of links; name another place") from error
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UsageError(f"evidence: {path.parent} is not a folder that can be written to")
    if path.is_symlink() or (path.exists() and not _is_replaceable(path)):
        raise UsageError(
            f"evidence: {path} exists and is no evidence, or holds other files as well; name another place"
        )


def _is_replaceable(path: Path) -> bool:
    """Whether nothing but evidence, or nothing at all, is there."""
    if is_zip(path) != path.is_file():
        return False
    if _is_empty(path):
        return True
    try:
        store = open_store(path)
    except (NoEvidenceError, RefusedError):
        return False
    try:
        known = 0
        for one, content in evidence_in(store):
            stated = {MANIFEST, *read_manifest(content).files}
            if set(one.names()) - stated:
                return False
            known += len(one.names())
        return known == len(store.names()) and not _hidden(path)
    except (NoEvidenceError, RefusedError):
        return False
    finally:
        store.close()


def _is_empty(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _hidden(path: Path) -> bool:
    """Whether a folder holds hidden files, which evidence never has."""
    return path.is_dir() and any(
        name.startswith(".") for _, folders, files in os.walk(path) for name in folders + files
    )


def is_zip(path: Path) -> bool:
    """Whether evidence goes to a zip there."""
    return path.suffix.lower() == ".zip"


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """A new folder beside `path`, where evidence is put together, removed at the end; UsageError where it cannot be made."""
    require_place(path)
    with part_beside(path.resolve()) as folder:
        try:
            folder.mkdir()
        except OSError as error:
            raise UsageError(f"evidence: {path} cannot be written ({error.strerror})") from error
        yield folder


def publish(folder: Path, path: Path) -> None:
    """Makes a staged folder the evidence at `path`, in place of what was there; raises UsageError where that fails."""
    require_place(path)
    place = path.resolve()
    try:
        if is_zip(path):
            with part_beside(place, ".zip") as packed:
                _pack(folder, packed)
                packed.replace(place)
            return
        with part_beside(place, ".old") as old:
            if place.exists():
                place.rename(old)
            folder.rename(place)
    except OSError as error:
        raise UsageError(f"evidence: {path} cannot be written ({error.strerror})") from error


def remove(path: Path) -> None:
    """Removes the evidence at `path`, if there is any; it would be taken for that of a run that gave none."""
    if path.is_symlink() or not path.exists() or not _is_replaceable(path) or _is_empty(path):
        return
    with contextlib.suppress(OSError):
        path.unlink() if path.is_file() else shutil.rmtree(path)


def _pack(folder: Path, packed: Path) -> None:
    with zipfile.ZipFile(packed, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_dir():
                continue
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), TIME)
            entry.compress_type = zipfile.ZIP_STORED if file.suffix in STORED else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            with file.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, 1 << 20)
