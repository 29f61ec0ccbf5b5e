"""Images and labels from an `.npz` file, never pickled objects; `npz_keys` holds the names, `npz_units` the ranges."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.archive import ArchiveError, chunk_of, open_zip, opened_member, refuse_twins
from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import DataError, one_line
from bnnaudit.core.file_limits import ARRAY_PACKING, FREE_ARRAY, MOST_ARRAYS
from bnnaudit.core.file_name import shown
from bnnaudit.data.labels import class_indices
from bnnaudit.data.npz_keys import RANGE, Keys, find_keys
from bnnaudit.data.npz_units import UNKNOWN, NetworkUnits, units_of
from bnnaudit.data.part import DataPart
from bnnaudit.data.source import ArraySource, refuse_oversized

SHOWN = 4
"""Arrays that are not read of which a report gives the names."""
LONGEST_HEADER = 2**16
"""Bytes that a header may take: NumPy reads no more than 10,000 of it."""
HEADERS: Mapping[tuple[int, int], Callable[..., Any]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Versions of the format whose arrays are plain."""


def open_npz(path: Path, network: NetworkUnits = UNKNOWN, wanted: DataPart = DataPart.HELD_OUT) -> ArraySource:
    """Reads images, labels where there are any, and `input_range` (2,) if it is there: the units of the images.

    network: what the network takes, in which the images may lie as well. Raises DataError for a file that is damaged, empty,
    holds objects, is larger than memory should be, or whose values are not finite or out of their range.
    """
    keys, arrays, others = _read_arrays(path, wanted)
    images = arrays[keys.images]
    if images.ndim not in (2, 3, 4) or 0 in images.shape:
        raise DataError(
            f"{path}: {keys.images} has shape {images.shape}; images are needed, as (N, H, W), (N, H, W, C), "
            "(N, C, H, W) or (N, features), and at least one"
        )
    units, note = units_of(path, keys.images, images, arrays.get(RANGE), network)
    targets = None if keys.labels is None else class_indices(str(path), arrays[keys.labels], len(images))
    taken = "" if keys.usual else ", ".join(filter(None, (keys.images, keys.labels)))
    notes = "; ".join(filter(None, (taken, _passed_over(keys, others), note)))
    name = shown(path.name)
    return ArraySource(f"{name} ({notes})" if notes else name, images, units, targets, sha256_of(path))


def _passed_over(keys: Keys, others: Sequence[str]) -> str:
    """What else a file without known labels holds: its labels may be among it, under a name of their own."""
    if keys.labels is not None or not others:
        return ""
    return f"no labels found, not read: {', '.join(name[:80] for name in others[:SHOWN])}{', ...' if len(others) > SHOWN else ''}"


def _read_arrays(path: Path, wanted: DataPart) -> tuple[Keys, Mapping[str, NDArray[np.generic]], list[str]]:
    """The arrays that matter, each checked by its header before it is read, and the names of all others."""
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty; write it again with numpy.savez")
    try:
        with open_zip(path) as archive:
            names = [entry.filename.removesuffix(".npy") for entry in archive.infolist()]
            if MOST_ARRAYS.exceeded_by(len(names)):
                raise ArchiveError(f"holds {MOST_ARRAYS.refusal(len(names))}")
            refuse_twins(names)
            entries = dict(zip(names, archive.infolist(), strict=True))
            keys = find_keys(path, names, wanted)
            read = [key for key in (keys.images, keys.labels, RANGE) if key is not None and key in entries]
            headers = {key: _checked_header(path, key, archive, entries[key]) for key in read}
            arrays = {key: _read_array(archive, entries[key], headers[key]) for key in read}
            return keys, arrays, [name for name in names if name not in read]
    except ArchiveError as error:
        raise DataError(f"{path}: not a readable .npz file: {error}; write it with numpy.savez") from error


@dataclass(frozen=True, slots=True)
class _Header:
    """What a member says of its array. size: bytes of the header itself."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    size: int


def _checked_header(path: Path, key: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> _Header:
    """Refuses objects, absurd sizes and bombs, and a member whose length is not what its header says."""
    header = _header(archive, entry)
    what = f"{path}: {key[:80]}"
    if header.dtype.hasobject:
        raise DataError(f"{what} holds pickled Python objects, which are not read; store a plain numeric array")
    if header.dtype.subdtype is not None or header.dtype.names is not None:
        raise ArchiveError(f"{entry.filename[:80]} is a structured array")
    refuse_oversized(what, header.shape, header.dtype.itemsize, "store fewer images in one file")
    size = prod(header.shape) * header.dtype.itemsize
    if entry.file_size - header.size < size:
        raise ArchiveError(f"{entry.filename[:80]} is shorter than its header says")
    packing = size / max(1, entry.compress_size)
    if size > FREE_ARRAY and ARRAY_PACKING.exceeded_by(packing):
        raise DataError(
            f"{what} unpacks from {entry.compress_size / 2**20:.0f} MiB to {size / 2**30:.1f} GiB, as a zip bomb does: "
            f"{ARRAY_PACKING.refusal(packing)}; if the images are meant to be so alike, store them with numpy.savez, which does "
            "not pack them"
        )
    return header


def _header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> _Header:
    """The header of a member, of which no more is unpacked than one may take."""
    with opened_member(archive, entry) as stream:
        start = io.BytesIO(stream.read(LONGEST_HEADER))
    name = entry.filename[:80]
    try:
        with warnings.catch_warnings():
            # NumPy tells those who wrote the file how to write it faster.
            warnings.simplefilter("ignore")
            version = np.lib.format.read_magic(start)
            reader = HEADERS.get(version)
            if reader is None:
                raise ArchiveError(f"{name} is a structured array")
            shape, fortran, dtype = reader(start)
    except ArchiveError:
        raise
    except Exception as error:  # the header is a Python expression, which may be wrong in any way
        reason = one_line(error, 120).partition(": <")[0]  # no address of an object in memory
        raise ArchiveError(f"{name} has a damaged header ({reason})") from error
    if any(isinstance(length, bool) or length < 0 for length in shape):  # NumPy's reader takes True for a length
        raise ArchiveError(f"{name} has a damaged header (a length that is negative, or no number)")
    return _Header(shape, fortran, dtype, start.tell())


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, header: _Header) -> NDArray[np.generic]:
    """The array of a member whose header has been checked."""
    values = np.empty(prod(header.shape), dtype=header.dtype)
    if values.nbytes:
        place, filled = values.view(np.uint8), 0
        with opened_member(archive, entry) as stream:
            stream.read(header.size)
            while filled < len(place):
                part = stream.read(min(chunk_of(entry), len(place) - filled))
                if not part:
                    raise ArchiveError(f"{entry.filename[:80]} is shorter than its header says")
                place[filled : filled + len(part)] = np.frombuffer(part, dtype=np.uint8)
                filled += len(part)
    try:
        return values.reshape(header.shape, order="F" if header.fortran else "C")
    except ValueError as error:  # more axes than NumPy has, or, in an empty array, longer ones
        raise ArchiveError(f"{entry.filename[:80]} has a damaged header ({one_line(error, 120)})") from error
