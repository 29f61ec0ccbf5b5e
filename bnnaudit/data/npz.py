"""Images and labels from an `.npz` file, never pickled objects; `npz_keys` holds the names, `npz_units` the ranges."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from zlib import error as ZlibError  # noqa: N812 - the library's own name hides what it is

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import DataError, one_line
from bnnaudit.data.labels import class_indices
from bnnaudit.data.npz_keys import RANGE, Keys, find_keys
from bnnaudit.data.npz_units import UNKNOWN, NetworkUnits, units_of
from bnnaudit.data.source import ArraySource, refuse_oversized

SHOWN = 4
"""Arrays that are not read of which a report gives the names."""


def open_npz(path: Path, network: NetworkUnits = UNKNOWN) -> ArraySource:
    """Reads images, labels where there are any, and `input_range` (2,) if it is there: the units of the images.

    network: what the network takes, in which the images may lie as well. Raises DataError for a file that is damaged, empty,
    holds objects, is larger than memory should be, or whose values are not finite or out of their range.
    """
    keys, arrays, others = _read_arrays(path)
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
    return ArraySource(f"{path.name} ({notes})" if notes else path.name, images, units, targets, sha256_of(path))


def _passed_over(keys: Keys, others: Sequence[str]) -> str:
    """What else a file without known labels holds: its labels may be among it, under a name of their own."""
    if keys.labels is not None or not others:
        return ""
    return f"no labels found, not read: {', '.join(others[:SHOWN])}{', ...' if len(others) > SHOWN else ''}"


def _read_arrays(path: Path) -> tuple[Keys, Mapping[str, NDArray[np.generic]], list[str]]:
    """The arrays that matter, each checked by its header before it is read, and the names of all others."""
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty; write it again with numpy.savez")
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            keys = find_keys(path, list(names))
            wanted = [key for key in (keys.images, keys.labels, RANGE) if key is not None and key in names]
            for key in wanted:
                _check_header(path, key, archive, names[key])
        with np.load(path, allow_pickle=False) as stored:
            others = [name for name in names if name not in wanted]
            return keys, {key: np.asarray(stored[key]) for key in wanted}, others
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError, ZlibError, NotImplementedError) as error:
        raise DataError(
            f"{path}: not a readable .npz file ({one_line(error, 160)}); write it with numpy.savez"
        ) from error


def _check_header(path: Path, key: str, archive: zipfile.ZipFile, member: str) -> None:
    """Refuses objects and absurd sizes, and a member that is shorter than its header says."""
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise ValueError(f"{member} is a structured array")
        header = stream.tell()
    if dtype.hasobject:
        raise DataError(f"{path}: {key} holds pickled Python objects, which are not read; store a plain numeric array")
    refuse_oversized(f"{path}: {key}", shape, dtype.itemsize, "store fewer images in one file")
    if archive.getinfo(member).file_size - header < int(np.prod(shape, dtype=object)) * dtype.itemsize:
        raise ValueError(f"{member} is shorter than its header says")
