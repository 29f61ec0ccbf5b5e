"""Pictures for a network of whole numbers: mapped onto its range, and rounded as it would round them itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bnnaudit.core.facts import Layout
from bnnaudit.core.threat import Box, InputGrid
from bnnaudit.data import take_sample
from bnnaudit.data.source import ArraySource
from tests.data.conftest import Facts

INT8 = InputGrid("int8", (-128.0,), (127.0,), (255,))
UINT16 = InputGrid("uint16", (0.0,), (65535.0,), (65535,))


def source_of(values: np.ndarray, units: Box) -> ArraySource:
    return ArraySource("array", values, units, np.zeros(len(values), dtype=np.int64), "0" * 64)


def test_bytes_become_the_numbers_of_a_signed_byte(facts: Facts) -> None:
    given = replace(facts((256,), Layout.FLAT, box=Box(-128.0, 127.0)), grid=INT8)
    bytes_ = np.arange(256, dtype=np.uint8)[None]
    sample = take_sample(source_of(bytes_, Box(0.0, 255.0)), given, None, 0)
    assert torch.equal(sample.images, torch.arange(-128.0, 128.0)[None])
    assert sample.facts.source == "array"


def test_bytes_are_every_257th_number_of_sixteen_bits(facts: Facts) -> None:
    given = replace(facts((256,), Layout.FLAT, box=Box(0.0, 65535.0)), grid=UINT16)
    sample = take_sample(source_of(np.arange(256, dtype=np.uint8)[None], Box(0.0, 255.0)), given, None, 0)
    assert torch.equal(sample.images, 257 * torch.arange(256.0)[None])


@pytest.mark.parametrize(("pixel", "nearest"), [(0.5, -0.0), (0.501, 0.0), (0.0, -128.0), (1.0, 127.0)])
def test_what_lies_between_whole_numbers_is_rounded_and_said_so(facts: Facts, pixel: float, nearest: float) -> None:
    given = replace(facts((1,), Layout.FLAT, box=Box(-128.0, 127.0)), grid=INT8)
    sample = take_sample(source_of(np.array([[pixel]], dtype=np.float32), Box()), given, None, 0)
    assert sample.images.tolist() == [[nearest]]
    assert sample.facts.source == ("array" if pixel in (0.0, 1.0) else "array (rounded to int8)")
