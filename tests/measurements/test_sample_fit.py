"""The sample held against the model: counts by hand, and networks whose right way to be fed is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.sample_fit import Alternative, PictureFit, SampleFit
from bnnaudit.core.target import Preparation, Target
from bnnaudit.core.threat import Box
from bnnaudit.measurements.feeding_fit import STORED, TRIED_ON, Feed, measure_feeding, other_values, turnings
from bnnaudit.measurements.label_fit import (
    chance_agreement,
    expected_agreement,
    measure_labels,
    other_order,
    rank_of_label,
    separation,
)
from bnnaudit.measurements.sample_fit import measure_fit, measure_pictures, neighbour_correlation
from bnnaudit.rules.fitness import explanations
from tests.toy import Itself, target_of

CLASSES = 4
PICTURES = PictureFit(40, 0, 0.8, 1.0, 20)


def test_agreement_by_chance_is_that_of_all_permutations() -> None:
    answers, labels = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0])
    counts = [(answers == np.array(order)).sum() for order in permutations(labels)]
    mean, deviation = chance_agreement(answers, labels, 3)
    assert mean == pytest.approx(np.mean(counts))
    assert deviation == pytest.approx(np.std(counts))


def test_agreement_by_chance_of_labels_that_are_no_classes() -> None:
    answers, labels = np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 2, 0])
    assert expected_agreement(answers, labels) == pytest.approx(chance_agreement(answers, labels, 3)[0])
    assert expected_agreement(answers, labels - 1) == pytest.approx((2 * 2 + 1 * 1) / 5)
    assert expected_agreement(answers, labels + 7) == 0.0


@pytest.mark.parametrize("shown", [0, 3])
def test_images_of_one_class_tell_neither_an_order_nor_a_way_to_feed(shown: int) -> None:
    """A model that answers one class to bright images, and another to dark ones: it is right about what it is shown."""
    labels = torch.full((40,), shown)
    answers = torch.where(torch.arange(40) < 16, labels, 7)
    fit = measure_labels(nn.functional.one_hot(answers, 10).float(), answers, labels)
    assert explanations(SampleFit(PICTURES, fit))[0] is None

    class Bright(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            scores = torch.zeros(len(inputs), 10)
            scores[:, shown], scores[:, 7] = inputs.flatten(1).mean(1), 0.5
            return scores

    target = target_of(Bright(), (1, 2, 2), 10)
    given = Preparation((1, 2, 2), Layout.NCHW)
    target = replace(target, prepare=given, deployed=Itself(Bright(), given))
    images = torch.linspace(0, 0.8, 40)[:, None, None, None].expand(40, 1, 2, 2)
    fed = measure_feeding(target, images, labels)
    assert max(way.right for way in fed.alternatives) >= fed.right + 20
    assert explanations(SampleFit(PICTURES, None, fed))[1] is None


def test_a_constant_answer_agrees_by_chance_alone() -> None:
    labels = np.repeat([0, 1], [90, 10])
    assert chance_agreement(np.zeros(100, dtype=np.int64), labels, 2) == (90.0, 0.0)
    logits = torch.tensor([1.0, 0.0]).expand(100, 2)
    fit = measure_labels(logits, torch.zeros(100, dtype=torch.int64), torch.from_numpy(labels))
    assert (fit.right, fit.deviation, fit.off_commonest) == (90, 0.0, 10)


def test_an_order_is_judged_on_the_half_that_did_not_choose_it() -> None:
    """Labels drawn at random: an order that fits one half fits the other by chance only."""
    rng = np.random.default_rng(0)
    answers, labels = rng.integers(0, 10, 400), rng.integers(0, 10, 400)
    _, renamed = other_order(answers, labels, 10)
    assert (renamed == answers).mean() < 0.17
    known, swapped = other_order(answers, (answers + 3) % 10, 10)
    assert known.tolist() == [(label - 3) % 10 for label in range(10)]
    assert np.array_equal(swapped, answers)


def test_the_order_of_classes_without_an_image_is_a_permutation_all_the_same() -> None:
    order, _ = other_order(np.array([3, 3, 3, 3]), np.array([0, 0, 0, 0]), 5)
    assert sorted(order.tolist()) == list(range(5))
    assert order[0] == 3


@pytest.mark.parametrize(
    ("shift", "what"),
    [(1, "the labels start at 1"), (-1, "the model's classes start with one more")],
)
def test_labels_shifted_by_one_are_read_so(shift: int, what: str) -> None:
    answers = torch.arange(1, 9).repeat(10)
    fit = measure_labels(nn.functional.one_hot(answers, 10).float(), answers, answers + shift)
    best = max(fit.readings, key=lambda reading: reading.right)
    assert fit.right == 0
    assert best.what.startswith(what)
    assert (best.right, best.gained, best.lost) == (80, 80, 0)


def test_labels_one_too_high_that_hold_a_zero_do_not_start_at_1() -> None:
    answers = torch.arange(9).repeat(2)
    labels = torch.cat([answers[:17] + 1, torch.zeros(1, dtype=torch.int64)])
    fit = measure_labels(nn.functional.one_hot(answers, 10).float(), answers, labels)
    assert fit.readings[0].what == "each label is one too high"


def test_the_rank_of_a_label_is_the_share_of_other_classes_above_it() -> None:
    logits = torch.tensor([[9.0, 5, 4, 3, 2], [9, 5, 4, 3, 2], [9, 5, 4, 4, 2], [9, 5, 4, 3, 2]])
    answers = torch.zeros(4, dtype=torch.int64)
    # Second of the others, last of them, tied with one of them, and right; label 4 and 2 must be answered somewhere.
    given = torch.cat([answers, torch.tensor([1, 2, 4])])
    scores = torch.cat([logits, torch.eye(5)[[1, 2, 4]]])
    ranked, rank = rank_of_label(scores, given, torch.tensor([2, 4, 2, 0, 1, 2, 4]))
    assert ranked == 2
    assert rank == pytest.approx((1 / 3 + 1) / 2)


def test_a_class_that_is_never_answered_is_no_label_at_random() -> None:
    logits = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    logits[:, 4] = -100.0
    assert rank_of_label(logits, logits.argmax(1), torch.full((50,), 4)) == (0, 0.0)


def test_separation_is_the_share_of_pairs_in_order() -> None:
    logits = torch.tensor([[4.0, 0.0], [1.0, 0.0], [2.0, 0.0], [1.0, 0.0]])
    right = torch.tensor([True, True, False, False])
    # 4 beats 2 and 1; 1 loses to 2 and ties with 1.
    assert separation(logits, right) == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert separation(logits, torch.ones(4, dtype=torch.bool)) == 1.0


class Exact(nn.Module):
    """Knows unit images (K, ...) as `prepare` presents them, one a class, and answers a further class to all else."""

    def __init__(self, units: Tensor, prepare: Preparation, box: Box) -> None:
        super().__init__()
        self.known = prepare(units * box.width + box.low).flatten(1)
        self.near = 0.01 * float(self.known.norm(dim=1).min())

    def forward(self, inputs: Tensor) -> Tensor:
        distances = torch.cdist(inputs.flatten(1), self.known, compute_mode="donot_use_mm_for_euclid_dist")
        return torch.cat([self.near - distances, torch.zeros(len(inputs), 1)], dim=1)


IMAGES = torch.rand(CLASSES, 3, 8, 8, generator=torch.Generator().manual_seed(0)) ** 2
IMAGES[:, :, 0, 0], IMAGES[:, :, 0, 1] = 0.0, 1.0
LABELS = torch.arange(CLASSES).repeat(10)
NCHW = Preparation((3, 8, 8), Layout.NCHW)
IMAGENET = replace(NCHW, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def fed(made_for: Preparation, box: Box = Box(), given: Preparation = NCHW, given_box: Box = Box()) -> Target:  # noqa: B008
    """A network that is made for one way of feeding and is fed in another."""
    network = Exact(IMAGES, made_for, box)
    target = target_of(network, given.input_shape, CLASSES + 1, given_box)
    facts = replace(target.facts, layout=given.layout)
    return replace(target, prepare=given, deployed=Itself(network, given), facts=facts)


def best_of(target: Target, images: Tensor = IMAGES[LABELS]) -> Alternative | None:
    box = target.facts.box
    fit = measure_fit(target, images * box.width + box.low, torch.zeros_like(LABELS), LABELS, 64)
    return explanations(replace(fit, feeding=measure_feeding(target, images * box.width + box.low, LABELS)))[1]


@pytest.mark.parametrize(
    ("target", "flags"),
    [
        (fed(NCHW, Box(0, 255)), "give --input-range 0,255"),
        (fed(NCHW, given=NCHW, given_box=Box(0, 255)), "give --input-range 0,1"),
        (fed(NCHW, Box(-128, 127)), "give --input-range -128,127"),
        (fed(IMAGENET), "give --input-range 0,1 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225"),
        (fed(NCHW, Box(0, 255), given=IMAGENET), "give --input-range 0,255 --mean 0 --std 1"),
        (fed(replace(NCHW, channels=ChannelOrder.BGR)), "give --channels bgr"),
        (fed(NCHW, given=replace(NCHW, channels=ChannelOrder.BGR)), "give --channels rgb"),
        (
            fed(replace(NCHW, mean=(103.939, 116.779, 123.68), channels=ChannelOrder.BGR), Box(0, 255)),
            "give --input-range 0,255 --mean 103.939,116.779,123.68 --std 1,1,1 --channels bgr",
        ),
    ],
)
def test_the_way_that_a_network_was_made_for_is_found(target: Target, flags: str) -> None:
    best = best_of(target)
    assert best is not None
    assert best.right == len(LABELS)
    assert best.remedy == flags


@pytest.mark.parametrize(
    ("images", "what"),
    [
        (1 - IMAGES[LABELS], "values inverted"),
        (IMAGES[LABELS].transpose(2, 3), "height and width swapped"),
        (IMAGES[LABELS] * 16 / 255, "values stretched"),
    ],
)
def test_images_that_are_turned_are_found_out(images: Tensor, what: str) -> None:
    best = best_of(fed(NCHW), images)
    assert best is not None
    assert best.what.startswith(what)


CHANNELS_LAST = IMAGES.permute(0, 2, 3, 1).flatten(1)


@pytest.mark.parametrize(
    ("known", "given", "images", "what", "remedy"),
    [
        (CHANNELS_LAST, Layout.FLAT, IMAGES, "pixels flattened with the colours last", "give --layout nhwc"),
        (CHANNELS_LAST, Layout.NCHW, IMAGES, "pixels flattened with the colours last", "give --layout nhwc"),
        (IMAGES.flatten(1), Layout.NHWC, IMAGES, "pixels flattened with the colours first", "give --layout nchw"),
        (CHANNELS_LAST, Layout.FLAT, IMAGES.flatten(1), "pixels flattened with the colours last", STORED),
        (IMAGES.flatten(1), Layout.FLAT, CHANNELS_LAST, "pixels flattened with the colours first", STORED),
        (
            IMAGES[:, 0].mT.flatten(1),
            Layout.FLAT,
            IMAGES[:, 0].flatten(1),
            "height and width swapped",
            "store the data",
        ),
    ],
)
def test_a_flat_input_in_another_order_of_the_values(
    known: Tensor, given: Layout, images: Tensor, what: str, remedy: str
) -> None:
    features = known[0].numel()
    flat = Preparation((features,), given)
    network = Exact(known, Preparation((features,), Layout.FLAT), Box())
    target = target_of(network, (features,), CLASSES + 1)
    target = replace(target, prepare=flat, deployed=Itself(network, flat))
    best = best_of(target, images[LABELS])
    assert best is not None
    assert (best.what, best.right) == (what, len(LABELS))
    assert best.remedy.startswith(remedy)


@pytest.mark.parametrize("features", [2, 7, 65, 193])
def test_vectors_that_are_no_square_picture_have_no_other_axes(features: int) -> None:
    flat = Feed("", "", Box(), Preparation((features,), Layout.FLAT))
    assert [way.what for way in turnings(flat, torch.tensor([[0.0] * features, [1.0] * features]))] == [
        "values inverted"
    ]


def test_the_flags_describe_what_was_measured() -> None:
    """Fed as an alternative says, from the start, the network gives the same answers."""
    target = fed(replace(IMAGENET, channels=ChannelOrder.BGR))
    given = Feed("", "", Box(), NCHW)
    units = IMAGES[LABELS]
    for feed in other_values(given, units):
        straight = target.network(feed.prepare(units * feed.box.width + feed.box.low))
        torch.testing.assert_close(target.deployed(feed.images(target, units)), straight, rtol=1e-3, atol=1e-2)


def test_ways_that_give_the_same_values_are_tried_once() -> None:
    halved = replace(NCHW, mean=(0.5,), std=(0.5,))
    ways = list(other_values(Feed("", "", Box(), halved), IMAGES))
    assert "values from -1 to 1" not in [way.what for way in ways]
    assert "values from 0 to 1" in [way.what for way in ways]


def test_a_network_that_is_fed_rightly_gets_no_advice() -> None:
    assert best_of(fed(NCHW)) is None


def test_nothing_else_is_tried_where_accuracy_is_high_or_labels_are_missing() -> None:
    target, images = fed(NCHW), IMAGES[LABELS]
    answers = target.deployed(images).argmax(1)
    assert measure_fit(target, images, answers, LABELS, 64).feeding is None
    unlabelled = measure_fit(target, images, answers, None, 64)
    assert (unlabelled.labels, unlabelled.feeding) == (None, None)
    assert "no labels" in unlabelled.untried
    assert measure_fit(target, images, answers, LABELS.roll(1), 64).feeding is not None


def test_a_hundred_images_are_enough() -> None:
    many = LABELS.repeat(10)
    assert measure_feeding(fed(NCHW), IMAGES[many], many).images == TRIED_ON


def test_neighbours_of_noise_are_unrelated_and_those_of_a_slope_are_alike() -> None:
    noise = torch.rand(50, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    slope = torch.linspace(0, 1, 16).expand(1, 1, 16, 16)
    checks = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    assert neighbour_correlation(noise) == pytest.approx(0, abs=0.05)
    assert neighbour_correlation(slope) == pytest.approx(0.91, abs=0.05)
    assert neighbour_correlation(checks.float()[None, None]) == pytest.approx(-1)
    assert neighbour_correlation(torch.rand(5, 64)) is None
    assert neighbour_correlation(torch.rand(5, 1, 7, 7)) is None


def test_what_pictures_are_counted_as() -> None:
    images = torch.full((4, 1, 8, 8), 20.0)
    images[3, 0, :4] = 45.5
    fit = measure_pictures(images, Box(0.0, 255.0), torch.tensor([1, 1, 1, 0]))
    assert (fit.images, fit.flat, fit.commonest) == (4, 3, 3)
    assert fit.spread == pytest.approx(0.1)
    assert fit.correlation is not None
    assert measure_pictures(images[:0], Box(), torch.zeros(0, dtype=torch.int64)).images == 0
