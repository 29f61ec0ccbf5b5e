"""Digests of single images."""

import hashlib

import numpy as np
import torch

from bnnaudit.core.facts import Layout
from bnnaudit.core.threat import Box
from bnnaudit.data import take_sample
from bnnaudit.data.image_digest import CHUNK, image_digests
from bnnaudit.data.source import ArraySource
from tests.data.conftest import Facts

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 6), dtype=np.uint8)
BYTES, UNIT, SIGNED = Box(0.0, 255.0), Box(), Box(-1.0, 1.0)


def source(values: np.ndarray, units: Box = BYTES) -> ArraySource:
    return ArraySource("pictures", values, units, np.zeros(len(values), dtype=np.int64), "")


def test_a_digest_is_that_of_the_16_bit_picture() -> None:
    levels = PIXELS.astype("<u2") * 257
    wanted = [hashlib.sha256(picture.tobytes()).hexdigest()[:16] for picture in levels]
    assert image_digests(torch.from_numpy(PIXELS).float(), BYTES) == wanted


def test_the_same_pictures_have_the_same_digests_in_every_range_and_layout(facts: Facts) -> None:
    """Of 8 bits, and of floats that lie well inside a 16-bit step."""
    found = []
    for box in (BYTES, UNIT, SIGNED, Box(-128.0, 127.0)):
        for layout, shape in ((Layout.NCHW, (3, 4, 6)), (Layout.NHWC, (4, 6, 3))):
            for stored in (source(PIXELS), source(np.moveaxis(PIXELS, 1, 3)), source(PIXELS / 255.0, UNIT)):
                model = facts(shape, layout, box=box)
                found.append(image_digests(take_sample(stored, model, None, 0).images, box))
    assert all(digests == found[0] for digests in found)
    assert len(set(found[0])) == len(PIXELS)


def test_vectors_and_grey_pictures_of_the_same_values_agree() -> None:
    values = torch.rand(4, 12)
    assert image_digests(values, UNIT) == image_digests(values.view(4, 1, 3, 4), UNIT)


def test_one_value_of_one_level_changes_one_digest() -> None:
    values = torch.zeros(CHUNK + 2, 5)
    values[-1, 4] = 1 / 65535
    digests = image_digests(values, UNIT)
    assert len(digests) == CHUNK + 2
    assert len(set(digests)) == 2
    assert digests[-1] != digests[-2]
