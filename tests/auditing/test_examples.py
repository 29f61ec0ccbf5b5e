"""Pictures of counterexamples, read back from their files."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bnnaudit.auditing.counterexamples import Counterexample
from bnnaudit.auditing.examples import LARGEST_BYTES, LARGEST_SIDES, examples_of, shown_scale
from bnnaudit.core.image_rows import Example
from bnnaudit.core.report import DataFacts
from bnnaudit.core.threat import Box
from bnnaudit.data import Sample

BYTES = Box(0.0, 255.0)


def made(originals: Tensor, adversarial: Tensor, box: Box = BYTES) -> tuple[Example, ...]:
    count = len(originals)
    sample = Sample(originals, None, torch.arange(count) + 5, DataFacts("pictures", count, ""))
    found = [Counterexample(5 + n, n, n + 1, -1.0, 0.1 + n / 100, "pgd", adversarial[n]) for n in range(count)]
    return examples_of(found, sample, box)


def read(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)))


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_pictures_are_the_images_themselves_enlarged_without_smoothing(channels: int, mode: str) -> None:
    originals = torch.randint(20, 230, (1, channels, 10, 6), generator=torch.Generator().manual_seed(1)).float()
    shift = torch.zeros_like(originals)
    shift[0, 0, 2, 3], shift[0, 0, 4, 1] = 8.0, -4.0
    (example,) = made(originals, originals + shift)
    for file, wanted in ((example.original, originals[0]), (example.adversarial, (originals + shift)[0])):
        assert Image.open(io.BytesIO(file)).mode == mode
        shown = read(file).reshape(100, 60, channels)
        assert np.array_equal(shown[::10, ::10], wanted.permute(1, 2, 0).numpy())
        assert np.array_equal(shown, shown[::10, ::10].repeat(10, 0).repeat(10, 1))
    assert example.index == 5
    assert example.scale == 15  # 8 of 255 times 15 fills the 127.5 to the white end, all but
    drawn = read(example.perturbation).reshape(100, 60, channels)[::10, ::10]
    assert drawn[2, 3, 0] == round(127.5 + 8 * 15)
    assert drawn[4, 1, 0] == round(127.5 - 4 * 15)
    assert set(np.delete(drawn.ravel(), [(2 * 6 + 3) * channels, (4 * 6 + 1) * channels])) == {128}


def test_a_red_picture_is_shown_red_in_every_range() -> None:
    for box in (BYTES, Box(), Box(-1.0, 1.0)):
        red = torch.full((1, 3, 4, 4), box.low)
        red[:, 0] = box.high
        (example,) = made(red, red * 0.99 + box.high * 0.01, box)
        assert (read(example.original) == [255, 0, 0]).all()


def test_large_pictures_are_made_smaller_and_stay_within_the_room_that_a_page_has() -> None:
    noise = torch.rand(9, 3, 300, 400, generator=torch.Generator().manual_seed(0))
    examples = made(noise, noise.flip(0), Box())
    total = sum(len(one.original) + len(one.perturbation) + len(one.adversarial) for one in examples)
    assert 0 < total <= LARGEST_BYTES
    assert 1 <= len(examples) <= 8
    shapes = {read(one.original).shape for one in examples}
    assert len(shapes) == 1
    assert max(shapes.pop()) in LARGEST_SIDES
    (single,) = made(noise[:1], noise[1:2], Box())
    assert read(single.original).shape == (144, 192, 3)


@pytest.mark.parametrize("shape", [(4, 12), (4, 2, 8, 8), (4, 4, 8, 8)], ids=["vectors", "two planes", "four planes"])
def test_what_is_no_picture_is_not_drawn(shape: tuple[int, ...]) -> None:
    assert made(torch.zeros(shape), torch.ones(shape)) == ()


def test_the_same_counterexamples_give_the_same_files() -> None:
    noise = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert made(noise, noise.flip(0), Box()) == made(noise, noise.flip(0), Box())


@pytest.mark.parametrize(("largest", "scale"), [(0.0, 1.0), (0.1, 5.0), (8 / 255, 15.0), (1.0, 0.5), (0.3, 1.0)])
def test_the_scale_is_a_whole_number_where_it_enlarges(largest: float, scale: float) -> None:
    assert shown_scale(np.array([[[0.0], [-largest]]])) == pytest.approx(scale)
