"""Arrays and tensors as a source: what an `.npz` file of the same arrays gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bnnaudit.core.errors import DataError
from bnnaudit.core.threat import Box
from bnnaudit.data import open_source
from bnnaudit.data.given_arrays import open_arrays, open_mapping
from bnnaudit.data.given_units import Feeding
from bnnaudit.data.source import ArraySource

PIXELS = np.arange(5 * 3 * 3, dtype=np.uint8).reshape(5, 3, 3)
LABELS = np.asarray([0, 1, 2, 1, 1])


@pytest.mark.parametrize(
    "images",
    [
        PIXELS,
        PIXELS.astype(np.int8),
        PIXELS / 255,
        PIXELS.astype(np.float32) / 44,
        PIXELS > 20,
        PIXELS.astype(np.float64) * 5,
    ],
)
def test_it_is_read_as_from_a_file(images: np.ndarray, tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", x=images, y=LABELS)
    stored = open_source(str(tmp_path / "images.npz"))
    for given in (open_arrays(images, LABELS), open_arrays(torch.from_numpy(images), torch.from_numpy(LABELS))):
        assert isinstance(given, ArraySource)
        assert isinstance(stored, ArraySource)
        assert given.units == stored.units
        assert np.array_equal(given.values, stored.values)
        assert given.targets is not None
        assert given.targets.tolist() == LABELS.tolist()


def test_a_mapping_may_state_the_range() -> None:
    source = open_mapping({"images": PIXELS.astype(np.float32), "input_range": [0, 44], "label": LABELS})
    assert (source.units, len(source)) == (Box(0.0, 44.0), 5)
    with pytest.raises(DataError, match=r"outside 0\.\.20"):
        open_mapping({"x": PIXELS.astype(np.float32), "input_range": [0, 20]})


def test_tensors_may_want_gradients_or_be_of_half_precision() -> None:
    source = open_arrays((torch.from_numpy(PIXELS) / 255).bfloat16().requires_grad_())
    assert source.read(np.asarray([4])).dtype == np.float32


def test_one_hot_labels_are_numbers() -> None:
    source = open_arrays(PIXELS, np.eye(3)[LABELS])
    assert isinstance(source, ArraySource)
    assert source.targets is not None
    assert source.targets.tolist() == LABELS.tolist()


def test_the_digest_is_of_images_and_labels() -> None:
    digests = {open_arrays(*given).sha256 for given in ((PIXELS, LABELS), (PIXELS + 1, LABELS), (PIXELS, LABELS[::-1]))}
    assert len(digests) == 3
    assert open_arrays(PIXELS.copy(), LABELS.tolist()).sha256 in digests


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (PIXELS[0, 0], None, r"images have shape \(3,\); they are needed as \(N, H, W\)"),
        (PIXELS[:0], None, "at least one"),
        ({"x": 1}, None, "are no array of numbers but a dict"),
        (np.asarray([["a"]]), None, "not numbers"),
        (PIXELS, ["cat"] * 5, "not class numbers"),
        ([[1, 2], [3]], None, "images are no array"),
    ],
)
def test_what_is_no_images_is_refused(images: Any, labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_arrays(images, labels)


def test_normalised_images_are_read_as_they_were() -> None:
    source = open_arrays((PIXELS / 255 - 0.5) / 0.1, LABELS, Feeding(mean=(0.5,), std=(0.1,)))
    assert source.name == "arrays in memory (normalisation undone)"
    assert np.array_equal(source.read(np.asarray([3, 1])), PIXELS[[3, 1]] / 255.0)
