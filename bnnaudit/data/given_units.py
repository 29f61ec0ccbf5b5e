"""The units of images that Python was given: as they were before a normalisation, where they have been through it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.errors import DataError
from bnnaudit.core.threat import Box
from bnnaudit.data.npz_units import (
    PIXELS,
    UNIT,
    UNKNOWN,
    NetworkUnits,
    extent_of,
    fitting,
    likely_range,
    possible_units,
)

ROUNDING = 1e-5
"""How far beyond its range, as a part of it, a value may lie whose normalisation was undone: single precision loses up to 3e-7
of it at the usual means and deviations."""
LEVEL_ROUNDING = 0.02
"""How far a value may lie from a level of 8 bits, as a part of the way to the next, and still be that level: single precision
explains 1e-4. Not tuned."""


@dataclass(frozen=True, slots=True)
class Feeding:
    """How a network is fed, as far as the caller says.

    network: the range that it takes, before mean and std. mean, std: one value for each channel or one for all, in units of that
    range, empty for none. normalised: whether the images have been through them already; None where that is for the values to
    tell.
    """

    network: NetworkUnits = UNKNOWN
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    normalised: bool | None = None

    @property
    def box(self) -> Box:
        """The range that the network takes, 0..1 where nobody says."""
        return self.network.box or UNIT


@dataclass(frozen=True, slots=True)
class Units:
    """The range of images once `undone`, and a note for the report."""

    box: Box
    note: str = ""
    feeding: Feeding | None = None

    def undone(self, images: NDArray[np.generic]) -> NDArray[np.generic]:
        """Images (n, ...) in `box`: as they are, or what they were before they were normalised.

        Where all of these are levels of 8 bits but for rounding, they are exactly those.
        """
        if self.feeding is None:
            return images
        values = _restored(images, self.feeding)
        levels = (values - self.box.low) * (PIXELS.high / self.box.width)
        if bool((np.abs(levels - np.rint(levels)) <= LEVEL_ROUNDING).all()):
            values = np.rint(levels) / PIXELS.high * self.box.width + self.box.low
        return values


def units_of_given(where: str, images: NDArray[np.generic], feeding: Feeding) -> Units:
    """The units of images (N, ...), N >= 1; raises DataError where their values fit nothing that was said of them."""
    low, high = extent_of(where, images)
    if feeding.normalised is not True:
        found = fitting(possible_units(images, feeding.network), images.dtype, low, high)
        if found is not None:
            return Units(*found)
    stated = bool(feeding.mean or feeding.std)
    if feeding.normalised is True and not stated:
        raise DataError(f"{where}: normalised=True needs the mean and std that the images were normalised with")
    if stated and feeding.normalised is not False and images.dtype.kind == "f":
        values = _restored(images, feeding)
        ends = float(values.min()), float(values.max())
        slack = ROUNDING * feeding.box.width
        if feeding.box.low - slack <= ends[0] and ends[1] <= feeding.box.high + slack:
            return Units(feeding.box, "normalisation undone", feeding)
        raise DataError(
            f"{where}: values {low:g}..{high:g} are {ends[0]:.3g}..{ends[1]:.3g} before mean and std, outside of the input range "
            f"{feeding.box.low:g}..{feeding.box.high:g}; give the mean and std that made them, in units of input_range"
        )
    raise DataError(f"{where}: {images.dtype} values {low:g}..{high:g} are outside of 0..1; {_remedy(low, high)}")


def _remedy(low: float, high: float) -> str:
    likely = likely_range(low, high)
    shown = "(LOW, HIGH)" if likely is None else f"({likely.low:g}, {likely.high:g})"
    return (
        "eps is a part of the image's range from black to white, so that has to be known: if they were normalised, give mean= "
        f"and std=; if the network takes such values as they are, give input_range={shown}"
    )


def _restored(images: NDArray[Any], feeding: Feeding) -> NDArray[np.float64]:
    values: NDArray[np.float64] = images.astype(np.float64)
    for name, numbers in (("std", feeding.std), ("mean", feeding.mean)):
        if numbers:
            along = _along_channels(values, numbers, name)
            values = values * along if name == "std" else values + along
    return values


def _along_channels(values: NDArray[Any], numbers: tuple[float, ...], name: str) -> NDArray[np.float64]:
    """The numbers shaped to go along the channels of images, which come first where both orders would do."""
    stated = np.asarray(numbers, dtype=np.float64)
    if len(numbers) == 1:
        return stated
    if values.ndim == 4 and len(numbers) in (values.shape[1], values.shape[3]):
        return stated.reshape(-1, 1, 1) if values.shape[1] == len(numbers) else stated
    shown = "x".join(map(str, values.shape[1:]))
    raise DataError(
        f"{name} has {len(numbers)} values for images of {shown}; give one for each channel, or one for all"
    )
