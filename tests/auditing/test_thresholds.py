"""Thresholds: which bound decides, what happens exactly on it, and how many images decide what the interval straddles."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnaudit.auditing.thresholds import (
    MOST_IMAGES,
    Answer,
    at_least,
    at_most,
    gap_of,
    gap_to_declared,
    more_for_difference,
    more_for_gap,
    more_for_share,
)
from bnnaudit.auditing.verdict import estimate
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.gate import Bound, Outcome
from bnnaudit.core.policy import Decide
from bnnaudit.numerics.intervals import Z95, difference_interval, paired_difference_interval, wilson_interval
from bnnaudit.rules.comparison import Paired

FIGURE = Estimate(0.55, 0.5, 0.6, 300)
PASSED, FAILED, UNDECIDED = Outcome.PASSED, Outcome.FAILED, Outcome.UNDECIDED


@pytest.mark.parametrize(
    ("threshold", "outcome", "bound"),
    [
        (0.4, PASSED, Bound.LOWER),
        (0.5, PASSED, Bound.LOWER),
        (0.5001, UNDECIDED, None),
        (0.55, UNDECIDED, None),
        (0.6, UNDECIDED, None),
        (0.6001, FAILED, Bound.UPPER),
    ],
)
def test_at_least_is_decided_by_the_bound_on_the_other_side(threshold: float, outcome: Outcome, bound: Bound) -> None:
    assert at_least(FIGURE, threshold, Decide.INTERVAL) == Answer(outcome, bound)


@pytest.mark.parametrize(
    ("threshold", "outcome", "bound"),
    [
        (0.7, PASSED, Bound.UPPER),
        (0.6, PASSED, Bound.UPPER),
        (0.5999, UNDECIDED, None),
        (0.5, UNDECIDED, None),
        (0.4999, FAILED, Bound.LOWER),
    ],
)
def test_at_most_is_the_mirror_image(threshold: float, outcome: Outcome, bound: Bound) -> None:
    assert at_most(FIGURE, threshold, Decide.INTERVAL) == Answer(outcome, bound)


def test_the_estimate_alone_decides_where_the_policy_says_so() -> None:
    for threshold, least, most in ((0.5499, PASSED, FAILED), (0.55, PASSED, PASSED), (0.5501, FAILED, PASSED)):
        assert at_least(FIGURE, threshold, Decide.ESTIMATE) == Answer(least, Bound.ESTIMATE)
        assert at_most(FIGURE, threshold, Decide.ESTIMATE) == Answer(most, Bound.ESTIMATE)


@pytest.mark.parametrize("decide", list(Decide))
def test_no_image_decides_nothing(decide: Decide) -> None:
    empty = estimate(0, 0)
    assert at_least(empty, 0.0, decide).outcome is UNDECIDED
    assert at_most(empty, 1.0, decide).outcome is UNDECIDED
    assert more_for_share(empty, 0.5) is None
    assert more_for_gap(Paired(0, 0, 0), 0.5) is None


def test_the_ends_of_the_scale() -> None:
    assert at_least(estimate(0, 50), 0.0, Decide.INTERVAL).outcome is PASSED
    assert at_least(estimate(50, 50), 1.0, Decide.INTERVAL).outcome is UNDECIDED
    assert at_least(estimate(49, 50), 1.0, Decide.INTERVAL).outcome is FAILED


def excludes(share: float, total: int, threshold: float) -> bool:
    """Whether Wilson's interval at this very share, which need not be a whole number of images, excludes a threshold."""
    denominator = 1 + Z95**2 / total
    centre = (share + Z95**2 / (2 * total)) / denominator
    half = Z95 / denominator * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    return abs(threshold - centre) > half


@given(st.integers(1, 400), st.floats(0, 1), st.floats(0.001, 0.999))
def test_so_many_more_images_decide_and_fewer_do_not(total: int, share: float, threshold: float) -> None:
    figure = estimate(round(share * total), total)
    if at_least(figure, threshold, Decide.INTERVAL).outcome is not UNDECIDED:
        return
    more = more_for_share(figure, threshold)
    if more is None:
        assert abs(figure.value - threshold) < 2 * Z95 * 0.5 / math.sqrt(MOST_IMAGES)
        return
    needed = total + more
    assert excludes(figure.value, needed + 1, threshold), "one more for the rounding of floats"
    assert needed - 2 < total or not excludes(figure.value, needed - 2, threshold)


@given(st.integers(0, 40), st.integers(41, 400), st.floats(0.0, 0.3))
def test_so_many_more_pairs_decide_a_gap(lost: int, total: int, threshold: float) -> None:
    pair = Paired(0, lost, total)
    if at_most(gap_of(pair), threshold, Decide.INTERVAL).outcome is not UNDECIDED:
        return
    more = more_for_gap(pair, threshold)

    def decided(images: int) -> bool:
        low, high = paired_difference_interval(0, lost * images / total, images)
        return high <= threshold or low > threshold

    if more is None:
        assert not decided(MOST_IMAGES) or abs(pair.gain - threshold) < 1e-9
        return
    assert decided(total + more)
    assert more == 1 or not decided(total + more - 1)


def test_the_example_of_a_declared_sixty_percent() -> None:
    """165 of 300 images against 60 %: 1.96^2 x 0.24 / 0.05^2 = 368.8 images."""
    figure = estimate(165, 300)
    assert at_least(figure, 0.6, Decide.INTERVAL).outcome is UNDECIDED
    assert more_for_share(figure, 0.6) == 69
    assert more_for_share(figure, 0.55) is None
    assert more_for_share(figure, 0.5501) is None, "95 million images"


def test_the_gap_to_a_declared_figure_mirrors_the_verified_interval() -> None:
    verified = Estimate(0.7, 0.65, 0.75, 300)
    gap = gap_to_declared(0.8, verified)
    assert (gap.value, gap.low, gap.high) == (0.1, 0.05, 0.15)
    assert at_most(gap, 0.15, Decide.INTERVAL) == Answer(PASSED, Bound.UPPER)
    assert at_most(gap, 0.1, Decide.ESTIMATE).outcome is PASSED, "0.8 - 0.7 is 0.1000000000000001 in floats"
    assert gap_to_declared(0.5, verified) == Estimate(0.0, 0.0, 0.0, 300)


def test_a_paired_gap_has_the_paired_interval() -> None:
    gap = gap_of(Paired(0, 30, 300))
    low, high = paired_difference_interval(0, 30, 300)
    assert (gap.value, gap.low, gap.high, gap.n) == (0.1, low, high, 300)
    assert gap_of(Paired(0, 0, 300)).low == 0


@pytest.mark.parametrize("threshold", [0.02, 0.05, 0.2])
def test_the_images_that_decide_a_difference_of_two_samples_are_the_fewest(threshold: float) -> None:
    first, second = estimate(180, 200), estimate(160, 200)
    more = more_for_difference(first, second, threshold)
    assert more is not None

    def straddles(extra: int) -> bool:
        ends = []
        for one in (first, second):
            total = one.n + extra
            ends.append((one.value, *wilson_interval(one.value * total, total)))
        low, high = difference_interval(ends[0], ends[1])
        return low <= threshold < high

    assert not straddles(more)
    assert more == 1 or straddles(more - 1)


def test_no_number_of_images_decides_a_difference_that_equals_the_threshold() -> None:
    assert more_for_difference(estimate(180, 200), estimate(160, 200), 0.1) is None
