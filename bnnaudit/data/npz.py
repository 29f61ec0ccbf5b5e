"""Images and labels from an `.npz` file: `x`, and where there are labels `y`; never pickled objects."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from zlib import error as ZlibError  # noqa: N812 - the library's own name hides what it is

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import DataError
from bnnaudit.core.threat import Box
from bnnaudit.data.arrays import ArraySource
from bnnaudit.data.labels import class_indices
from bnnaudit.data.limits import refuse_oversized

PIXELS = Box(0.0, 255.0)
ROUNDING = 1e-6
KEYS = ("x", "y", "input_range")


def open_npz(path: Path) -> ArraySource:
    """Reads `x` (N images), `y` (N,) if it is there, and `input_range` (2,) if it is there: the units of `x`.

    Without `input_range`, whole numbers are pixels 0..255, floats and booleans 0..1. Raises DataError for a file that is
    damaged, empty, holds objects, is larger than memory should be, or whose values are not finite or out of their range.
    """
    arrays = _read_arrays(path)
    images = arrays["x"]
    if images.ndim not in (2, 3, 4) or 0 in images.shape:
        raise DataError(
            f"{path}: x has the shape {images.shape}; images are needed, as (N, H, W), (N, H, W, C), (N, C, H, W) or "
            "(N, features), and at least one"
        )
    units = _units(path, images, arrays.get("input_range"))
    targets = class_indices(str(path), arrays["y"], len(images)) if "y" in arrays else None
    return ArraySource(path.name, images, units, targets, sha256_of(path))


def _read_arrays(path: Path) -> Mapping[str, NDArray[np.generic]]:
    """The arrays this tool knows, each checked by its header before it is read."""
    if path.stat().st_size == 0:
        raise DataError(f"{path}: the file is empty; write it again with numpy.savez")
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            for key in KEYS:
                if key in names:
                    _check_header(path, key, archive, names[key])
        with np.load(path, allow_pickle=False) as stored:
            if "x" not in stored.files:
                held = ", ".join(sorted(stored.files)) or "nothing"
                raise DataError(f"{path}: no array named x (it holds {held}); save the images as x and the labels as y")
            return {key: np.asarray(stored[key]) for key in KEYS if key in stored.files}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError, ZlibError, NotImplementedError) as error:
        raise DataError(
            f"{path}: not a readable .npz file ({_first_line(error)}); write it with numpy.savez"
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


def _units(path: Path, images: NDArray[np.generic], stated: NDArray[np.generic] | None) -> Box:
    """The range that stands for black to white, after a check that the values keep to it."""
    kind = images.dtype.kind
    if kind not in "iufb":
        raise DataError(f"{path}: x is {images.dtype}, not numbers; store uint8 pixels or floats in 0..1")
    if kind == "f":
        _refuse_non_finite(path, images)
    low, high = float(images.min()), float(images.max())
    usual = PIXELS if kind in "iu" else Box()
    units = usual if stated is None else _stated_range(path, stated)
    slack = ROUNDING * units.width if kind == "f" else 0.0
    if low < units.low - slack or high > units.high + slack:
        raise DataError(
            f"{path}: x is {images.dtype} with values {low:g}..{high:g}, outside {units.low:g}..{units.high:g}; {_advice(low)}"
        )
    return units


def _advice(low: float) -> str:
    """What to do about values from `low` on that are in no usual units."""
    stored = "store uint8 pixels or floats in 0..1"
    if low >= 0:
        return f"{stored}, or add an array input_range = [low, high] with the units of x"
    return (
        f"{stored} and give the model's normalisation by --mean and --std (or --input-range -1,1), or add an array "
        "input_range = [low, high], such as [-1, 1], with the units of x"
    )


def _stated_range(path: Path, stated: NDArray[np.generic]) -> Box:
    """`input_range` as a box."""
    if stated.shape != (2,) or stated.dtype.kind not in "iuf" or not (float(stated[0]) < float(stated[1])):
        raise DataError(f"{path}: input_range is {stated.tolist()}; it must hold two numbers, the lower one first")
    return Box(float(stated[0]), float(stated[1]))


def _refuse_non_finite(path: Path, images: NDArray[np.generic]) -> None:
    """Raises DataError naming the first image with NaN or infinity and how many there are."""
    finite = np.isfinite(images).reshape(len(images), -1).all(axis=1)
    broken = np.flatnonzero(~finite)
    if broken.size:
        raise DataError(
            f"{path}: {broken.size} of {len(images)} images hold NaN or infinity (first: image {broken[0]}); "
            "remove them or repair the values"
        )


def _first_line(error: Exception) -> str:
    """An error's message, short enough for one line."""
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
