"""The units of images from memory: what they were before mean and std, exactly, or a line that says what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from bnnaudit.core.errors import DataError
from bnnaudit.core.threat import Box
from bnnaudit.data.given_units import Feeding, units_of_given
from bnnaudit.data.npz_units import NetworkUnits

PIXELS = np.arange(2 * 3 * 4 * 4 * 2, dtype=np.uint8).reshape(4, 3, 4, 4) * 2
PIXELS[0, 0, 0, :2] = 0, 255
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalised(images: np.ndarray, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """As a transform does it, in single precision: channels first."""
    values = images.astype(np.float32) / np.float32(255) * np.float32(high - low) + np.float32(low)
    mean, std = (np.asarray(one, dtype=np.float32).reshape(-1, 1, 1) for one in (MEAN, STD))
    return np.asarray((values - mean) / std, dtype=np.float32)


def test_pixels_that_were_normalised_are_restored_to_the_bit() -> None:
    units = units_of_given("data", normalised(PIXELS), Feeding(mean=MEAN, std=STD))
    assert (units.box, units.note) == (Box(), "normalisation undone")
    assert np.array_equal(units.undone(normalised(PIXELS)), PIXELS / 255.0)


def test_so_are_channels_that_come_last_and_another_range() -> None:
    last = normalised(PIXELS, 0.0, 255.0).transpose(0, 2, 3, 1)
    units = units_of_given("data", last, Feeding(NetworkUnits(Box(0.0, 255.0)), MEAN, STD))
    assert units.box == Box(0.0, 255.0)
    assert np.array_equal(units.undone(last), PIXELS.transpose(0, 2, 3, 1).astype(np.float64))


def test_values_between_the_levels_of_8_bits_are_not_moved_to_them() -> None:
    between = np.linspace(0, 1, 48).reshape(1, 3, 4, 4) * 0.77
    mean, std = (np.asarray(one).reshape(-1, 1, 1) for one in (MEAN, STD))
    units = units_of_given("data", (between - mean) / std, Feeding(mean=MEAN, std=STD))
    assert np.abs(units.undone((between - mean) / std) - between).max() < 1e-12


@pytest.mark.parametrize("said", [None, False])
def test_values_inside_the_range_are_not_normalised_unless_that_is_said(said: bool | None) -> None:
    images = np.linspace(0, 1, 48, dtype=np.float32).reshape(1, 3, 4, 4)
    units = units_of_given("data", images, Feeding(mean=(0.5,), std=(0.25,), normalised=said))
    assert units.note == ""
    assert units.undone(images) is images
    told = units_of_given("data", images, Feeding(mean=(0.5,), std=(0.25,), normalised=True))
    assert float(told.undone(images).min()) == 0.5
    assert float(told.undone(images).max()) == 0.75


@pytest.mark.parametrize(
    ("images", "feeding", "message"),
    [
        (normalised(PIXELS), Feeding(), r"if they were normalised, give mean= and std="),
        (normalised(PIXELS), Feeding(mean=MEAN, std=STD, normalised=False), r"outside of 0\.\.1"),
        (
            normalised(PIXELS),
            Feeding(mean=(0.5,), std=(0.5,)),
            r"before mean and std, outside of the input range 0\.\.1",
        ),
        (normalised(PIXELS), Feeding(mean=MEAN[:2], std=STD[:2]), "std has 2 values for images of 3x4x4"),
        (PIXELS * 2.0 - 255, Feeding(), r"give input_range=\(LOW, HIGH\)"),
        (PIXELS / 127.5 - 1, Feeding(), r"give input_range=\(-1, 1\)"),
        (PIXELS.astype(np.uint16) * 2, Feeding(mean=MEAN, std=STD), r"uint16 values 0\.\.510 are outside of 0\.\.1"),
    ],
)
def test_what_fits_nothing_is_refused(images: np.ndarray, feeding: Feeding, message: str) -> None:
    with pytest.raises(DataError, match=message):
        units_of_given("data", images, feeding)


def test_the_stated_range_is_that_of_the_images() -> None:
    units = units_of_given("data", PIXELS / 127.5 - 1, Feeding(NetworkUnits(Box(-1.0, 1.0))))
    assert (units.box, units.note) == (Box(-1.0, 1.0), "values taken as -1..1")
