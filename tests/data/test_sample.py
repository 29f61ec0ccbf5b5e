"""Samples and pools: seeded, nested, disjoint, and shaped as the model takes them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bnnaudit.core.errors import DataError, UsageError
from bnnaudit.core.facts import Layout
from bnnaudit.core.threat import Box
from bnnaudit.data import take_pool, take_sample
from bnnaudit.data.sample import shuffled
from bnnaudit.data.source import ArraySource
from tests.data.conftest import Facts
from tests.paths import SHARED


def source_of(values: np.ndarray) -> ArraySource:
    return ArraySource("array", values, Box(0.0, 255.0), np.arange(len(values)) % 10, "0" * 64)


def numbered(count: int) -> ArraySource:
    """Images whose pixels all equal their index."""
    return source_of(np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, 2, 2)))


PIXELS = Box(0.0, 255.0)


def splitmix(state: int) -> int:
    """SplitMix64's first output from a state, in Python's own whole numbers."""
    mask = (1 << 64) - 1
    state = (state + 0x9E3779B97F4A7C15) & mask
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
    return state ^ (state >> 31)


@given(count=st.integers(1, 200), samples=st.integers(1, 250), seed=st.integers(0, 2**70))
def test_a_sample_is_sorted_distinct_and_part_of_every_larger_one(count: int, samples: int, seed: int) -> None:
    order = shuffled(count, seed)
    assert sorted(order) == list(range(count))
    assert set(np.sort(order[:samples])) <= set(order[: samples + 1])


def test_the_order_is_fixed_for_good() -> None:
    def rank(seed: int, index: int) -> int:
        """The same hash in Python's own whole numbers; splitmix(1234567) is a published value of SplitMix64."""
        return splitmix((index + splitmix(seed)) * 0x9E3779B97F4A7C15)

    assert splitmix(1234567) == 6457827717110365317
    for seed in (0, 1, 2**63 + 5):
        assert shuffled(30, seed).tolist() == sorted(range(30), key=lambda index: rank(seed, index))


def test_every_image_is_about_as_likely_to_be_sampled() -> None:
    hits = np.zeros(20)
    for seed in range(2000):
        hits[shuffled(20, seed)[:5]] += 1
    assert np.abs(hits - 500).max() < 5 * np.sqrt(2000 * 0.25 * 0.75)


def test_ids_labels_and_images_belong_together(facts: Facts) -> None:
    sample = take_sample(numbered(50), facts((1, 2, 2), box=PIXELS), 7, seed=3)
    assert sample.ids.tolist() == sorted(shuffled(50, 3)[:7].tolist())
    assert sample.images[:, 0, 0, 0].tolist() == sample.ids.tolist()
    assert sample.labels is not None
    assert sample.labels.tolist() == [index % 10 for index in sample.ids.tolist()]
    assert (sample.facts.samples, sample.facts.labelled) == (7, True)


def test_more_samples_than_images_are_all_of_them(facts: Facts) -> None:
    assert take_sample(numbered(5), facts((1, 2, 2)), 100, 0).ids.tolist() == [0, 1, 2, 3, 4]


def test_the_pool_and_the_sample_share_nothing(facts: Facts) -> None:
    model = facts((1, 2, 2), box=PIXELS)
    sample = take_sample(numbered(50), model, 20, 0)
    pool = take_pool(numbered(50), model, sample.ids, 100, 0)
    assert sorted(pool[:, 0, 0, 0].tolist() + sample.ids.tolist()) == list(range(50))
    assert take_pool(numbered(50), model, sample.ids, 4, 0).shape == (4, 1, 2, 2)
    assert take_pool(numbered(50), model, torch.arange(50), 4, 0).shape == (0, 1, 2, 2)


@pytest.mark.parametrize("samples", [0, -3])
def test_no_samples_is_a_usage_error(facts: Facts, samples: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        take_sample(numbered(5), facts((1, 2, 2)), samples, 0)


def test_no_images_at_all(facts: Facts) -> None:
    with pytest.raises(DataError, match="no images"):
        take_sample(numbered(0), facts((1, 2, 2)), None, 0)


CHW = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
HWC = np.moveaxis(CHW, 1, 3)


@pytest.mark.parametrize("stored", [CHW, HWC])
@pytest.mark.parametrize(
    ("shape", "layout"), [((3, 4, 5), Layout.NCHW), ((4, 5, 3), Layout.NHWC), ((60,), Layout.FLAT)]
)
def test_both_orders_of_axes_give_channels_first(
    facts: Facts, stored: np.ndarray, shape: tuple[int, ...], layout: Layout
) -> None:
    images = take_sample(source_of(stored), facts(shape, layout, box=PIXELS), None, 0).images
    assert np.array_equal(images.numpy(), CHW)


@pytest.mark.parametrize(("layout", "expected"), [(Layout.NCHW, False), (Layout.NHWC, True)])
def test_where_both_orders_fit_the_networks_own_decides(facts: Facts, layout: Layout, expected: bool) -> None:
    cube = np.arange(27, dtype=np.uint8).reshape(1, 3, 3, 3)
    images = take_sample(source_of(cube), facts((3, 3, 3), layout, box=PIXELS), None, 0).images.numpy()
    assert np.array_equal(images, np.moveaxis(cube, 3, 1) if expected else cube)


def test_features_for_a_vector_network_stay_features(facts: Facts) -> None:
    rows = np.arange(12, dtype=np.uint8).reshape(2, 6)
    assert take_sample(source_of(rows), facts((6,), Layout.FLAT), None, 0).images.shape == (2, 6)
    assert take_sample(source_of(rows), facts((1, 2, 3)), None, 0).images.shape == (2, 1, 2, 3)


@pytest.mark.parametrize(
    ("stored", "shape", "layout", "message"),
    [
        (
            np.zeros((1, 28, 28), np.uint8),
            (3, 30, 30),
            Layout.NCHW,
            "takes 3x30x30 .*the data have 28x28 with 1 channel",
        ),
        (np.zeros((1, 8, 8, 3), np.uint8), (1, 8, 8), Layout.NCHW, "takes 1x8x8 .*the data have images of 8x8x3"),
        (np.zeros((1, 28, 28), np.uint8), (64,), Layout.FLAT, "takes 64 values per image, but the data have 28x28"),
        (np.zeros((1, 12), np.uint8), (3, 2, 2), Layout.NCHW, "order of their channels is unknown"),
    ],
)
def test_shapes_that_do_not_fit_are_both_named(
    facts: Facts, stored: np.ndarray, shape: tuple[int, ...], layout: Layout, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        take_sample(source_of(stored), facts(shape, layout), None, 0)


def test_a_sample_too_large_for_memory_is_refused_before_it_is_read(facts: Facts) -> None:
    many = np.broadcast_to(np.zeros((1, 1, 1), np.uint8), (10**6, 80, 80))
    with pytest.raises(DataError, match="--samples"):
        take_sample(source_of(many), facts((1, 80, 80)), None, 0)


def test_the_shared_traffic_signs_keep_their_pixels(facts: Facts) -> None:
    path = SHARED / "data" / "gtsrb_30x30_test2000.npz"
    if not path.is_file():
        pytest.skip("the traffic-sign images are not here")
    from bnnaudit.data import open_source

    sample = take_sample(open_source(str(path)), facts((30, 30, 3), Layout.NHWC, classes=43, box=PIXELS), 20, 0)
    with np.load(path) as stored:
        assert np.array_equal(sample.images.permute(0, 2, 3, 1).numpy(), stored["x"][sample.ids.numpy()])
