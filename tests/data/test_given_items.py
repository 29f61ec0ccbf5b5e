"""Data sets, loaders and streams: the very sample of the same images in an array, and no more of it read than that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, SubsetRandomSampler, TensorDataset

from bnnaudit.core.errors import DataError
from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat
from bnnaudit.core.threat import Box
from bnnaudit.data.given import open_given
from bnnaudit.data.given_arrays import open_arrays
from bnnaudit.data.given_items import Drawing, open_dataset
from bnnaudit.data.given_units import Feeding
from bnnaudit.data.sample import take_pool, take_sample

COUNT, DRAWING = 40, Drawing(samples=6, seed=5, others=9)
PIXELS = torch.arange(COUNT * 4, dtype=torch.uint8).reshape(COUNT, 1, 2, 2)
LABELS = torch.arange(COUNT) % 3
FACTS = ModelFacts("m", "", ModelFormat.MODULE, 3, (1, 2, 2), Layout.NCHW, Box())


class Items(Dataset[Any]):
    """One item after another; notes which are read."""

    def __init__(self, make: Callable[[int], Any] = lambda index: (PIXELS[index], LABELS[index])) -> None:
        self.make, self.read = make, []  # type: tuple[Callable[[int], Any], list[int]]

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Any:
        self.read.append(index)
        return self.make(index)


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return zip(PIXELS, LABELS, strict=True)


def collated(items: list[Any]) -> dict[str, Any]:
    """Batches of a caller's own."""
    return {"image": torch.stack([image for image, _ in items]), "label": [int(label) for _, label in items]}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(Items(), id="data set"),
        pytest.param(
            Items(lambda index: (PIXELS[index].numpy(), int(LABELS[index]), "more")), id="with more than two parts"
        ),
        pytest.param(Items(lambda index: {"img": PIXELS[index], "label": LABELS[index]}), id="mappings"),
        pytest.param(Items(lambda index: (Image.fromarray(PIXELS[index, 0].numpy()), LABELS[index])), id="pictures"),
        pytest.param(Items(lambda index: (PIXELS[index], np.eye(3)[LABELS[index]])), id="one-hot labels"),
        pytest.param(Subset(TensorDataset(PIXELS, LABELS), range(COUNT)), id="subset"),
        pytest.param(DataLoader(Items(), batch_size=16), id="loader"),
        pytest.param(DataLoader(Items(), batch_size=16, shuffle=True), id="shuffled loader"),
        pytest.param(DataLoader(Items(), batch_size=16, collate_fn=collated), id="loader with a collation of its own"),
        pytest.param(DataLoader(Items(), batch_size=None), id="loader without batches"),
        pytest.param(DataLoader(Items(), batch_size=COUNT, drop_last=True), id="loader that may drop the last"),
        pytest.param(Stream(), id="stream"),
        pytest.param(DataLoader(Stream(), batch_size=7), id="loader of a stream"),
    ],
)
def test_sample_and_pool_are_those_of_arrays(data: Any) -> None:
    expected = open_arrays(PIXELS, LABELS)
    source = open_given(data, DRAWING, Feeding())
    sample, truth = (take_sample(one, FACTS, DRAWING.samples, DRAWING.seed) for one in (source, expected))
    assert len(source) == COUNT
    assert torch.equal(sample.ids, truth.ids)
    assert torch.equal(sample.images, truth.images)
    assert sample.labels is not None
    assert truth.labels is not None
    assert torch.equal(sample.labels, truth.labels)
    pools = (take_pool(one, FACTS, truth.ids, DRAWING.others, DRAWING.seed) for one in (source, expected))
    assert torch.equal(*pools)


@pytest.mark.parametrize("wrap", [lambda items: items, lambda items: DataLoader(items, batch_size=8, shuffle=True)])
def test_no_more_is_read_than_asked_for(wrap: Callable[[Items], Any]) -> None:
    items = Items()
    source = open_given(wrap(items), DRAWING, Feeding())
    sample = take_sample(source, FACTS, DRAWING.samples, DRAWING.seed)
    assert sorted(items.read) == sample.ids.tolist()
    take_pool(source, FACTS, sample.ids, 4, DRAWING.seed)
    assert len(items.read) == DRAWING.samples + 4


def test_a_loader_of_some_images_is_a_data_set_of_these() -> None:
    loader = DataLoader(Items(), batch_size=4, sampler=SubsetRandomSampler(range(10), torch.Generator().manual_seed(1)))
    source = open_given(loader, Drawing(100, 0), Feeding())
    assert len(source) == 10
    assert sorted(source.read(np.arange(10))[:, 0, 0, 0].tolist()) == list(range(0, 40, 4))


def test_a_loader_s_own_generator_stays_as_it_was() -> None:
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    loader = DataLoader(Items(), batch_size=4, shuffle=True, collate_fn=collated, generator=generator)
    first, second = (open_given(loader, DRAWING, Feeding()).sha256 for _ in range(2))
    assert first == second
    assert torch.equal(generator.get_state(), before)


def test_images_without_labels() -> None:
    for data in (Items(lambda index: PIXELS[index]), Items(lambda index: (PIXELS[index],)), list(PIXELS)):
        sample = take_sample(open_given(data, DRAWING, Feeding()), FACTS, 6, 5)
        assert sample.labels is None
        assert not sample.facts.labelled


def test_the_names_of_classes_are_the_data_set_s() -> None:
    items = Items()
    items.classes = ["cat", "dog", "bird"]  # type: ignore[attr-defined]
    for data in (items, DataLoader(items, batch_size=8)):
        assert open_given(data, DRAWING, Feeding()).class_names == ("cat", "dog", "bird")


def test_random_transforms_give_an_image_the_same_numbers_whatever_was_read_before() -> None:
    noisy = Items(lambda index: (PIXELS[index] / 255 * torch.rand(()) * np.random.random(), LABELS[index]))
    few, more = (open_dataset(noisy, Drawing(count, 5), Feeding()) for count in (3, 9))
    assert set(few.held.tolist()) < set(more.held.tolist())
    assert np.array_equal(few.read(few.held), more.read(few.held))


def failing(index: int) -> Any:
    raise ValueError("no such\nfile")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (failing, r"^Items: item \d+ cannot be read \(ValueError: no such file\)$"),
        (lambda index: (PIXELS, LABELS), "a whole data set in arrays is given as data="),
        (lambda index: (PIXELS[index].repeat(1, 1 + index % 2, 1), 0), "images of 2 shapes, such as"),
        (lambda index: (PIXELS[index], None if index % 2 else 1), "images have no label; give one for each"),
        (lambda index: (PIXELS[index], "cat"), "not class numbers"),
        (lambda index: (), "is empty; a data set gives"),
        (lambda index: {"left": 1, "right": 2}, "no array named x"),
    ],
)
def test_items_that_are_none_are_refused(make: Callable[[int], Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_dataset(Items(make), DRAWING, Feeding())


def test_a_stream_that_breaks_off_is_an_error() -> None:
    class Broken(IterableDataset[Any]):
        def __iter__(self) -> Iterator[Any]:
            yield PIXELS[0], 1
            raise OSError("connection reset")

    with pytest.raises(DataError, match=r"Broken: cannot be read on \(OSError: connection reset\)"):
        open_dataset(Broken(), DRAWING, Feeding())


def test_labels_of_classes_that_the_model_lacks_are_refused() -> None:
    source = open_dataset(Items(lambda index: (PIXELS[index], 7)), DRAWING, Feeding())
    with pytest.raises(DataError, match=r"6 of 6 labels are outside 0\.\.2"):
        take_sample(source, FACTS, DRAWING.samples, DRAWING.seed)
