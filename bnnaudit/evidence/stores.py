"""Where evidence lies: a folder, a zip, or several folders in one of these. Nothing outside of it is read."""

from __future__ import annotations

import lzma
import re
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from bnnaudit.evidence.errors import NoEvidenceError, RefusedError, shown
from bnnaudit.evidence.limits import FILE_BYTES, FILE_PACKING, FREE_FILE, MANIFEST_BYTES

MANIFEST = "manifest.json"
READ_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(OSError, EOFError, ValueError, NotImplementedError, RuntimeError, struct.error),
)
"""What reading a damaged file raises."""


class Store(Protocol):
    """The files of evidence by their names, `/` between folders."""

    def names(self) -> list[str]:
        """All files, those that are hidden left out; RefusedError for what could lead out of the evidence."""
        ...

    def has_manifest(self) -> bool:
        """Whether what is there says that it is evidence, or that its folders are, whatever else may be there."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """One of them; RefusedError where it cannot be read."""
        ...


def safe_name(name: object) -> str:
    """A file's name inside evidence, or inside a model's folder; RefusedError where it could lead out of it."""
    if not isinstance(name, str) or not re.fullmatch(r"[^\\\x00-\x1f]{1,500}", name):
        raise RefusedError(f"a file is named {shown(name)!r}; refused")
    if re.match("/|[A-Za-z]:", name) or any(part in ("", ".", "..") for part in name.split("/")):
        raise RefusedError(f"a file is named {shown(name)!r}, which may lead out of the evidence; refused")
    return name


def is_file(path: Path) -> bool:
    """Whether a file that can be asked for is there: no folder, no pipe, no name that the system does not take."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_hidden(name: str) -> bool:
    """Whether it is a file that systems leave in folders by themselves, such as `.DS_Store`."""
    return any(part.startswith(".") for part in name.split("/"))


@dataclass(frozen=True, slots=True)
class Folder:
    """Evidence in a folder."""

    root: Path

    def close(self) -> None:
        """Nothing is open."""

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum((self.root / name).stat().st_size for name in self.names())

    @property
    def name(self) -> str:
        """The folder's own, as a line may show it."""
        return shown(self.root)

    def names(self) -> list[str]:
        """All files below."""
        found = []
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if is_hidden(name):
                continue
            if path.is_symlink():
                raise RefusedError(f"{shown(name)} is a link, which may lead out of the evidence; refused")
            if not path.is_dir():
                found.append(safe_name(name))
        return found

    def has_manifest(self) -> bool:
        """Whether there is a manifest in the folder, or in one of its folders, no link followed."""
        try:
            found = [self.root / MANIFEST, *self.root.glob(f"*/{MANIFEST}")]
            return any(is_file(path) and (path.parent == self.root or not path.parent.is_symlink()) for path in found)
        except OSError:
            return False

    def open(self, name: str) -> IO[bytes]:
        """The file itself."""
        path = self.root / safe_name(name)
        if not is_file(path):
            raise RefusedError(f"{shown(name)} is missing")
        try:
            return path.open("rb")
        except OSError as error:
            raise RefusedError(f"{shown(name)} cannot be read ({error.strerror})") from error

    def inside(self, folder: str) -> Folder:
        """One of its folders."""
        return Folder(self.root / safe_name(folder))


@dataclass(frozen=True, slots=True)
class Archive:
    """Evidence in a zip, or in a folder of one."""

    path: Path
    archive: zipfile.ZipFile
    prefix: str = ""

    def close(self) -> None:
        """Closes the zip."""
        self.archive.close()

    @property
    def size(self) -> int:
        """Bytes of the zip."""
        return self.path.stat().st_size

    @property
    def name(self) -> str:
        """The zip and the folder inside, as a line may show them."""
        return shown(f"{self.path}:{self.prefix.rstrip('/')}" if self.prefix else self.path)

    def names(self) -> list[str]:
        """All files; what stands in it twice, or would unpack to too much, is refused as well."""
        found: list[str] = []
        for entry in self.archive.infolist():
            if entry.is_dir():
                continue
            name = safe_name(entry.filename)
            if stat.S_ISLNK(entry.external_attr >> 16) or entry.flag_bits & 1:
                raise RefusedError(f"{shown(name)} is a link or encrypted; refused")
            refuse_bomb(name, entry)
            found.append(name)
        if len(set(found)) < len(found):
            raise RefusedError("the zip holds two files of one name; refused")
        inside = [name.removeprefix(self.prefix) for name in found if name.startswith(self.prefix)]
        return sorted(name for name in inside if not is_hidden(name))

    def has_manifest(self) -> bool:
        """Whether there is a manifest, or one in a folder."""
        return any(MANIFEST in name.split("/")[:2] for name in self.archive.namelist())

    def open(self, name: str) -> IO[bytes]:
        """The file, unpacked as it is read."""
        try:
            return self.archive.open(self.prefix + safe_name(name))
        except KeyError:
            raise RefusedError(f"{shown(name)} is missing") from None
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
            raise RefusedError(f"{shown(name)} cannot be unpacked ({shown(error)})") from error

    def inside(self, folder: str) -> Archive:
        """One of its folders."""
        return Archive(self.path, self.archive, f"{self.prefix}{safe_name(folder)}/")


def refuse_bomb(name: str, entry: zipfile.ZipInfo) -> None:
    """Raises RefusedError for a member of a zip that would unpack to far more than it takes there, or to too much."""
    packing = entry.file_size / max(1, entry.compress_size) if entry.file_size > FREE_FILE else 0.0
    for limit, found in ((FILE_BYTES, entry.file_size), (FILE_PACKING, packing)):
        if limit.exceeded_by(found):
            sizes = f"from {entry.compress_size:,} bytes to {entry.file_size:,}"
            raise RefusedError(f"{shown(name)} would unpack {sizes}: {limit.refusal(found)}")


def open_store(path: Path) -> Folder | Archive:
    """What lies at `path`; NoEvidenceError where that can be no evidence, or cannot be read."""
    try:
        if path.is_dir():
            return Folder(path)
        if not path.is_file():
            raise NoEvidenceError(f"{shown(path)}: no such file or folder")
        with path.open("rb") as stream:
            begins = stream.read(2)
    except OSError as error:
        raise NoEvidenceError(f"{shown(path)}: cannot be read ({error.strerror})") from error
    if begins != b"PK":
        raise NoEvidenceError(f"{shown(path)}: no evidence; give a folder or a .zip that --evidence wrote")
    try:
        return Archive(path, zipfile.ZipFile(path))
    except READ_ERRORS as error:
        raise NoEvidenceError(f"{shown(path)}: a zip that is damaged or cut off ({shown(error)})") from error


def evidence_in(store: Folder | Archive) -> list[tuple[Folder | Archive, bytes]]:
    """Where evidence lies in a store, with its manifest: in the store itself, else in its folders.

    Raises NoEvidenceError if there is none, and RefusedError for what is there and dangerous to read.
    """
    try:
        names = store.names()
    except RefusedError as error:
        if store.has_manifest():
            raise
        raise NoEvidenceError(f"{store.name}: no evidence, and not to be read ({error})") from error
    if MANIFEST in names:
        return [(store, _manifest_of(store, 0))]
    ending = f"/{MANIFEST}"
    folders = sorted(name.removesuffix(ending) for name in names if name.endswith(ending) and name.count("/") == 1)
    if not folders:
        raise NoEvidenceError(f"{store.name}: no evidence ({MANIFEST} is missing); give what --evidence wrote")
    found: list[tuple[Folder | Archive, bytes]] = []
    for one in (store.inside(folder) for folder in folders):
        found.append((one, _manifest_of(one, sum(len(content) for _, content in found))))
    return found


def _manifest_of(store: Folder | Archive, before: int) -> bytes:
    """The manifest of evidence, where those before it have so many bytes."""
    try:
        with store.open(MANIFEST) as stream:
            content = read_up_to(stream, MANIFEST_BYTES.to_read, MANIFEST)
    except RefusedError as error:
        raise NoEvidenceError(f"{store.name}: {error}") from error
    if MANIFEST_BYTES.exceeded_by(before + len(content)):
        raise RefusedError(f"{MANIFEST}: {MANIFEST_BYTES.refused('its bytes go on')}")
    return content


def read_up_to(stream: IO[bytes], size: int, name: str) -> bytes:
    """Up to `size` bytes of a file; RefusedError where they cannot be had."""
    try:
        return stream.read(size)
    except READ_ERRORS as error:
        raise RefusedError(f"{shown(name)} is damaged ({shown(error)})") from error
