"""The range from black to white in stored images, and the message for values outside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.errors import DataError
from bnnaudit.core.limits import problem_of_range
from bnnaudit.core.threat import Box

UNIT = Box()
PIXELS = Box(0.0, 255.0)
SIGNED_PIXELS = Box(-128.0, 127.0)

ROUNDING = 1e-6
"""How far beyond its range, as a part of it, a float may lie: a few roundings of single precision (6e-8 each)."""

BRIGHT = 128.0
"""Whole floats up to at least here are pixels. Not tuned: half of the range, above whatever is counted in 4 to 7 bits."""

SHADES = 16
"""Whole floats of at least so many values are pixels; fewer may be a measurement that happens to be whole. Not tuned."""

SEEN = 100
"""Images whose values are counted. Not tuned."""

SYMMETRIC = Box(-1.0, 1.0)

DEPTHS = (10, 12, 14, 16)
"""Bits of pixels that are stored in whole numbers of 16 bits."""

WIDE = (PIXELS, SIGNED_PIXELS)
"""Ranges that a message may suggest for the network, where the values fill a quarter of one at least (not tuned)."""


@dataclass(frozen=True, slots=True)
class NetworkUnits:
    """What the network takes, in which stored images may lie as well.

    box: its range, where it is known. kind: the type of an input of whole numbers, as NumPy calls it; images stored in that
    very type are taken to be in that range.
    """

    box: Box | None = None
    kind: str = ""


UNKNOWN = NetworkUnits()
"""Nothing is known of the network."""


def units_of(
    path: Path | str, key: str, images: NDArray[np.generic], stated: NDArray[np.generic] | None, network: NetworkUnits
) -> tuple[Box, str]:
    """The range of `images`, after a check that the values keep to it, and a note where it is not the one to expect.

    `stated` is the file's own word. Without it images of the network's own whole numbers are in its range, other whole
    numbers pixels 0..255 (int8: -128..127), floats and booleans 0..1; floats that are all whole and reach far up are pixels
    too, and values beyond may lie in the network's range. Raises DataError.
    """
    low, high = extent_of(f"{path}: {key}", images)
    candidates = possible_units(images, network) if stated is None else [(_stated_range(path, stated), "")]
    found = fitting(candidates, images.dtype, low, high)
    if found is not None:
        return found
    units = candidates[0][0]
    raise DataError(
        f"{path}: {key} is {images.dtype} with values {low:g}..{high:g}, outside {units.low:g}..{units.high:g}; "
        f"{_remedy(images.dtype, low, high)}"
    )


def extent_of(where: str, images: NDArray[np.generic]) -> tuple[float, float]:
    """The least and the greatest value; raises DataError for what are no numbers, and for NaN and infinity."""
    kind = images.dtype.kind
    if kind not in "iufb":
        raise DataError(f"{where} is {images.dtype}, not numbers; store uint8 pixels or floats in 0..1")
    if kind == "f":
        _refuse_non_finite(where, images)
    return float(images.min()), float(images.max())


def possible_units(images: NDArray[np.generic], network: NetworkUnits) -> list[tuple[Box, str]]:
    """The ranges that unstated images (of finite numbers) may be in, the likeliest first, each with a note for the report."""
    candidates = [(_usual_units(images.dtype), "")]
    if network.box is not None and images.dtype.name == network.kind:
        candidates.insert(0, (network.box, ""))
    if images.dtype.kind == "f" and _are_pixels(images, float(images.min()), float(images.max())):
        candidates.append((PIXELS, "floats taken as pixels 0..255"))
    if network.box is not None:
        candidates.append((network.box, f"values taken as {network.box.low:g}..{network.box.high:g}"))
    return candidates


def fitting(
    candidates: Iterable[tuple[Box, str]], kind: np.dtype[np.generic], low: float, high: float
) -> tuple[Box, str] | None:
    """The first range that holds values from low to high."""
    for units, note in candidates:
        slack = ROUNDING * units.width if kind.kind == "f" else 0.0
        if units.low - slack <= low and high <= units.high + slack:
            return units, note
    return None


def likely_range(low: float, high: float) -> Box | None:
    """The range other than 0..1 that a network may well take, where values reach from low to high."""
    likely = (SYMMETRIC, *(box for box in WIDE if high - low >= box.width / 4))
    return next((box for box in likely if box.low <= low and high <= box.high), None)


def _usual_units(kind: np.dtype[np.generic]) -> Box:
    if kind == np.int8:
        return SIGNED_PIXELS
    return PIXELS if kind.kind in "iu" else UNIT


def _are_pixels(images: NDArray[np.generic], low: float, high: float) -> bool:
    """Whether floats are pixels that were never divided by 255."""
    if low < 0 or not BRIGHT <= high <= PIXELS.high:
        return False
    values: NDArray[Any] = images
    return len(np.unique(values[:SEEN])) >= SHADES and bool((values == np.rint(values)).all())


def _remedy(kind: np.dtype[np.generic], low: float, high: float) -> str:
    """What to do with values outside of every range: undo a normalisation, or say the range."""
    if kind.kind in "iu":
        bits = next((bits for bits in DEPTHS if low >= 0 and high < 2**bits), None)
        example = f", such as [0, {2**bits - 1}] for pixels of {bits} bits" if bits else ""
        return (
            f"add an array input_range = [low, high] with the values of black and white{example}; or give --input-range LO,HI "
            "if the network takes such values as they are"
        )
    likely = likely_range(low, high)
    flag = "LO,HI" if likely is None else f"{likely.low:g},{likely.high:g}"
    return (
        "if they were normalised, store the images from before (uint8 pixels or floats in 0..1) and give the "
        f"normalisation with --mean and --std; if the network takes such values as they are, give --input-range {flag}; or "
        "add an array input_range = [low, high] with the units of the images"
    )


def _stated_range(path: Path | str, stated: NDArray[np.generic]) -> Box:
    """`input_range` as a box."""
    if stated.shape != (2,) or stated.dtype.kind not in "iuf" or not (float(stated[0]) < float(stated[1])):
        held = stated.tolist() if stated.size <= 4 else f"an array of {stated.size:,} values"
        raise DataError(f"{path}: input_range is {held}; it must hold two numbers, the lower one first")
    if problem := problem_of_range(float(stated[0]), float(stated[1])):
        raise DataError(f"{path}: input_range {problem}")
    return Box(float(stated[0]), float(stated[1]))


def _refuse_non_finite(where: str, images: NDArray[np.generic]) -> None:
    """Raises DataError naming the first image with NaN or infinity and how many there are."""
    finite = np.isfinite(images).reshape(len(images), -1).all(axis=1)
    broken = np.flatnonzero(~finite)
    if broken.size:
        raise DataError(
            f"{where}: {broken.size} of {len(images)} images hold NaN or infinity (first: image {broken[0]}); "
            "remove them or repair the values"
        )
