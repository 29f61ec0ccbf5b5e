"""The rules about the sample, at both sides of their thresholds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnnaudit.core.finding import Confidence
from bnnaudit.core.sample_fit import Alternative, FeedingFit, LabelFit, PictureFit, SampleFit
from bnnaudit.rules.fitness import far_better, is_at_chance
from bnnaudit.rules.model import (
    clean_accuracy_at_chance,
    fed_otherwise_than_trained,
    labels_at_random,
    labels_numbered_otherwise,
    unlike_pictures,
)

PICTURES = PictureFit(100, 0, 0.8, 1.0, 20)
LABELS = LabelFit(100, 10, 80, 10.0, 23.0, 90)


def way(right: int, gained: int, lost: int, what: str = "values from 0 to 255") -> Alternative:
    return Alternative(what, "give --input-range 0,255", right, gained, lost)


def with_feeding(*ways: Alternative, right: int = 40) -> SampleFit:
    return SampleFit(PICTURES, LABELS, FeedingFit(100, right, ways))


def test_nothing_is_far_better_by_less_than_ten_points() -> None:
    assert far_better((way(49, 9, 0),), 100) is None
    assert far_better((way(50, 10, 0),), 100) is not None


def test_what_chance_explains_is_not_better() -> None:
    """A way under which every image gets the commonest label is right as often as that label occurs."""
    constant = Alternative("values from 0 to 255", "", right=95, gained=50, lost=0, by_chance=95.0)
    assert far_better((constant,), 100) is None
    assert far_better((replace(constant, by_chance=85.1),), 100) is None
    assert far_better((replace(constant, by_chance=85.0),), 100) is not None
    telling = way(80, 40, 5)
    assert far_better((constant, telling), 100) == telling


def test_the_more_ways_are_tried_the_more_a_gain_must_show() -> None:
    """17 against 5: McNemar's exact p is 0.017 alone; 15 against 1 has 0.0005."""
    assert far_better((way(52, 17, 5),), 100) is None
    clear = way(54, 15, 1)
    assert far_better((clear,), 100) == clear
    assert far_better((clear,) * 30, 100) is None


def test_of_ways_that_cannot_be_told_apart_the_plainest_is_named_and_the_others_mentioned() -> None:
    plain, other, worse = way(89, 50, 1, "plain"), way(91, 52, 1, "other"), way(80, 42, 2, "worse")
    (finding,) = fed_otherwise_than_trained.findings_from(with_feeding(plain, other, worse))
    assert "with plain it is 89.0 %" in finding.message
    assert finding.message.endswith("About as good: other.")


def test_the_flags_to_give_stand_in_the_message() -> None:
    (finding,) = fed_otherwise_than_trained.findings_from(with_feeding(way(95, 55, 0)))
    assert "As given, 40.0 % of 100 images are classified correctly" in finding.message
    assert "give --input-range 0,255" in finding.message


def test_the_better_of_two_explanations_is_the_one_that_is_told() -> None:
    start = Alternative("the labels start at 1", "subtract 1 from the labels", 98, 90, 0)
    both = replace(with_feeding(way(60, 55, 3), right=8), labels=replace(LABELS, right=8, readings=(start,)))
    assert [finding.rule.code for finding in labels_numbered_otherwise.findings_from(both)] == ["MF413"]
    assert fed_otherwise_than_trained.findings_from(both) == ()
    fed = replace(both, feeding=FeedingFit(100, 8, (way(100, 92, 0),)))
    assert labels_numbered_otherwise.findings_from(fed) == ()
    assert [finding.rule.code for finding in fed_otherwise_than_trained.findings_from(fed)] == ["MF414"]


@pytest.mark.parametrize(("deviation", "expected"), [(1.9, True), (2.0, False), (-5.0, True)])
def test_chance_is_what_two_deviations_cannot_tell_from_it(deviation: float, expected: bool) -> None:
    assert is_at_chance(replace(LABELS, deviation=deviation)) is expected


@pytest.mark.parametrize(
    ("right", "images", "by_chance", "confidence"),
    [
        (3, 6, 1.0, Confidence.LOW),
        (2, 10, 1.5, Confidence.LOW),
        (0, 6, 0.6, Confidence.LOW),
        (0, 20, 2.0, Confidence.HIGH),
        (0, 20, 0.02, Confidence.HIGH),
        (6, 40, 4.0, Confidence.HIGH),
        (12, 20, 10.0, Confidence.LOW),
        (155, 300, 150.0, Confidence.HIGH),
    ],
)
def test_a_few_images_accuse_nobody(right: int, images: int, by_chance: float, confidence: Confidence) -> None:
    """Wilson's interval of 3 of 6 reaches up to 81 %, that of 0 of 20 to 16 %, that of 155 of 300 to 57 %."""
    seen = replace(LABELS, images=images, right=right, by_chance=by_chance, deviation=1.0)
    (finding,) = clean_accuracy_at_chance.findings_from(replace(with_feeding(), labels=seen))
    assert finding.confidence is confidence
    assert ("audit with more --samples" in finding.message) == (confidence is Confidence.LOW)
    assert ("prepared wrongly" in finding.message) == (confidence is Confidence.HIGH)


@pytest.mark.parametrize(("right", "expected"), [(100, False), (20, False), (14, True)])
def test_a_sample_of_one_class_is_held_against_guessing(right: int, expected: bool) -> None:
    """Nothing can be told from frequencies there: 14 of 100 have the interval 8.5 to 22.1 %, 20 have 13.3 to 28.9 %."""
    assert is_at_chance(replace(LABELS, right=right, deviation=0.0, off_commonest=0)) is expected


@pytest.mark.parametrize(
    "changes",
    [
        {"rank": 0.3},
        {"rank": 0.7},
        {"separation": 0.7},
        {"ranked": 12},
        {"right": 75},
        {"classes": 3},
        {"deviation": 0.0},
    ],
)
def test_labels_are_called_random_only_where_all_signs_agree(changes: dict[str, object]) -> None:
    random = replace(LABELS, right=50, ranked=50, rank=0.5, separation=0.5)
    assert [finding.rule.code for finding in labels_at_random.findings_from(SampleFit(PICTURES, random))] == ["MF416"]
    assert labels_at_random.findings_from(SampleFit(PICTURES, replace(random, **changes))) == ()


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        (replace(PICTURES, correlation=0.09), "like noise"),
        (replace(PICTURES, flat=51), "51 of 100 images are constant"),
        (replace(PICTURES, spread=0.004), "within 0.4 % of the input range"),
        (replace(PICTURES, correlation=None), ""),
        (replace(PICTURES, correlation=0.11), ""),
        (replace(PICTURES, commonest=100), ""),
    ],
)
def test_what_is_no_picture_is_said(pictures: PictureFit, said: str) -> None:
    found = unlike_pictures.findings_from(SampleFit(pictures, LABELS), 10)
    assert len(found) == bool(said)
    assert all(said in finding.message for finding in found)


def test_one_answer_to_everything_is_told_of_unlabelled_images_alone() -> None:
    unlabelled = SampleFit(replace(PICTURES, commonest=95))
    assert "95 of 100 unlabelled images to one class" in unlike_pictures.findings_from(unlabelled, 10)[0].message
    assert unlike_pictures.findings_from(unlabelled, 2) == ()
    assert clean_accuracy_at_chance.findings_from(unlabelled) == ()


def test_no_images_no_findings() -> None:
    nothing = SampleFit(PictureFit(0, 0, None, 0.0, 0), LabelFit(0, 10, 0, 0.0, 0.0, 0), FeedingFit(0, 0, ()))
    for rule in (clean_accuracy_at_chance, labels_numbered_otherwise, labels_at_random, fed_otherwise_than_trained):
        assert rule.findings_from(nothing) == ()
    assert unlike_pictures.findings_from(nothing, 10) == ()
