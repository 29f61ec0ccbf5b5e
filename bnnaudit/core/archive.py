"""Zips from strangers: what is wrong with one is said before a member is read, and none unpacks to more than it may."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bnnaudit.core.errors import listed, one_line
from bnnaudit.core.file_limits import Limit

CHUNK = 2**20
"""Bytes that are unpacked at a time. Not tuned."""
SMALL_CHUNK = 2**12
"""The same for bzip2 and LZMA, which Python unpacks as a whole however little is asked for: a byte of theirs may stand for
20,000, so a chunk for 80 MB."""


class ArchiveError(Exception):
    """A zip that cannot be read, or is not to be trusted; whoever reads it says so in an error of their own."""


def is_zip(path: Path) -> bool:
    """Whether the file ends as a zip does, a damaged one among them, of which Python's own test may raise an error."""
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # it says to be one of several parts
        return True


def open_zip(path: Path) -> zipfile.ZipFile:
    """The zip, whose table of contents has been read. Raises ArchiveError for a damaged one, or whose members overlap."""
    try:
        archive = zipfile.ZipFile(path)
        size = path.stat().st_size
    except MemoryError:
        raise
    except Exception as error:  # a damaged table of contents makes the library raise anything
        raise ArchiveError(f"damaged, or no zip ({one_line(error, 120)})") from error
    packed = sum(entry.compress_size for entry in archive.infolist())
    if packed > size:
        archive.close()
        raise ArchiveError(
            f"its members take {packed:,} bytes of a file of {size:,}: they overlap, as those of a zip bomb do"
        )
    return archive


def refuse_twins(names: Iterator[str] | list[str]) -> None:
    """Raises ArchiveError for a name that stands twice: readers differ in which of the two they take."""
    seen: set[str] = set()
    twins: list[str] = []
    for name in names:
        if name in seen:
            twins.append(name)
        seen.add(name)
    if twins:
        raise ArchiveError(f"holds {listed([twin[:80] for twin in twins], most=2)} twice")


@contextmanager
def opened_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """A member to read from; what goes wrong in it is an ArchiveError."""
    try:
        with archive.open(entry) as stream:
            yield stream
    except (ArchiveError, MemoryError):
        raise
    except Exception as error:  # a damaged member makes the decompressors raise anything
        raise ArchiveError(f"{entry.filename[:80]} cannot be unpacked ({one_line(error, 120)})") from error


def read_member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: Limit) -> bytes:
    """All the bytes of a member; raises ArchiveError where there are more than `most`, or other than its header says."""
    if most.exceeded_by(entry.file_size):
        raise ArchiveError(f"{entry.filename[:80]} unpacks to {most.refusal(entry.file_size)}")
    parts = []
    with opened_member(archive, entry) as stream:
        while part := stream.read(chunk_of(entry)):
            parts.append(part)
    data = b"".join(parts)
    if len(data) != entry.file_size:
        raise ArchiveError(f"{entry.filename[:80]} unpacks to {len(data):,} bytes, not the {entry.file_size:,} stated")
    return data


def chunk_of(entry: zipfile.ZipInfo) -> int:
    """Bytes of a member to ask for at a time."""
    return CHUNK if entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else SMALL_CHUNK
