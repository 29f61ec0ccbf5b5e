"""Drops against brute force over the images, and what is judged of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy import stats

from bnnaudit.core.comparison import Accuracy, Drop
from bnnaudit.core.gate import Bound, Outcome
from bnnaudit.core.policy import Decide
from bnnaudit.numerics.intervals import difference_interval, paired_difference_interval
from bnnaudit.releases.drops import drops_of, judged, paired_drop
from bnnaudit.releases.same_images import same_images
from tests.releases.conftest import Make, rows, share

PASSED, FAILED, UNDECIDED = Outcome.PASSED, Outcome.FAILED, Outcome.UNDECIDED
BEFORE = [True] * 90 + [False] * 10
AFTER = [False] * 12 + [True] * 78 + [True] * 3 + [False] * 7
"""12 lost, 3 gained, of 100."""


def drop(lost: int, gained: int, total: int) -> Drop:
    marks = [(True, False)] * lost + [(False, True)] * gained + [(True, True)] * (total - lost - gained)
    return paired_drop(Accuracy.VERIFIED, marks)


def test_the_same_images_are_compared_one_by_one(release: Make) -> None:
    older, newer = release(rows([True] * 100, BEFORE)), release(rows([True] * 100, AFTER)[::-1])
    clean, verified = drops_of(older, newer, same_images(older, newer))
    assert (clean.lost, clean.gained, clean.drop.value, clean.p_value) == (0, 0, 0, 1.0)
    assert (verified.lost, verified.gained, verified.paired) == (12, 3, True)
    assert verified.drop.value == pytest.approx(0.9 - 0.81)
    assert verified.p_value == pytest.approx(stats.binomtest(3, 15).pvalue)
    # [Agresti & Min 2005]: half an image more in each of the four cells
    value, spread = 9 / 102, (16 / 102 - (9 / 102) ** 2) / 102
    assert (verified.drop.low, verified.drop.high) == pytest.approx(
        (value - 1.959964 * spread**0.5, value + 1.959964 * spread**0.5), abs=1e-6
    )
    assert (verified.older, verified.newer) == (share(90, 100), share(81, 100))


def test_on_shared_images_alone_where_there_are_enough(release: Make) -> None:
    older = release(rows([True] * 100, BEFORE))
    newer = release(rows([True] * 60, [True] * 60, first=50))
    _, verified = drops_of(older, newer, same_images(older, newer))
    assert (verified.paired, verified.drop.n) == (True, 50)
    assert (verified.older.value, verified.newer.value) == (40 / 50, 1.0), "of the shared ones, not of all"


def test_as_independent_samples_where_too_few_are_shared(release: Make) -> None:
    older = release(rows([True] * 100, BEFORE))
    for first in (100, 51):
        newer = release(rows([True] * 100, AFTER, first=first))
        _, verified = drops_of(older, newer, same_images(older, newer))
        assert (verified.paired, verified.p_value, verified.lost) == (False, None, 0)
        ends = [(one.value, one.low, one.high) for one in (share(90, 100), share(81, 100))]
        assert (verified.drop.low, verified.drop.high) == difference_interval(*ends)


def test_nothing_is_compared_that_one_of_the_two_did_not_measure(release: Make) -> None:
    older, newer = release(rows([True] * 4, [True] * 4)), release(rows([True] * 4, [True] * 4))
    newer = replace(newer, verdict=replace(newer.verdict, verified_accuracy=None))
    assert [one.accuracy for one in drops_of(older, newer, same_images(older, newer))] == [Accuracy.CLEAN]


@pytest.mark.parametrize(
    ("lost", "gained", "outcome"), [(12, 0, FAILED), (12, 3, FAILED), (3, 0, PASSED), (9, 9, PASSED), (0, 40, PASSED)]
)
def test_without_a_largest_drop_only_what_is_beyond_chance_fails(lost: int, gained: int, outcome: Outcome) -> None:
    found = drop(lost, gained, 100)
    criterion = judged(found, None, Decide.ESTIMATE, "the baseline")
    assert criterion.outcome is outcome is (FAILED if found.drop.low > 0 else PASSED)
    assert (criterion.threshold, criterion.measured, criterion.bound) == (0.0, found.drop, Bound.LOWER)


@pytest.mark.parametrize(
    ("most", "decide", "outcome", "bound"),
    [
        (0.0, Decide.INTERVAL, FAILED, Bound.LOWER),
        (0.06, Decide.INTERVAL, UNDECIDED, None),
        (0.5, Decide.INTERVAL, PASSED, Bound.UPPER),
        (0.05, Decide.ESTIMATE, FAILED, Bound.ESTIMATE),
        (0.12, Decide.ESTIMATE, PASSED, Bound.ESTIMATE),
    ],
)
def test_a_largest_drop_is_decided_as_every_threshold(
    most: float, decide: Decide, outcome: Outcome, bound: Bound | None
) -> None:
    criterion = judged(drop(12, 0, 100), most, decide, "the baseline")
    assert (criterion.outcome, criterion.bound) == (outcome, bound)
    assert (criterion.more_images is not None) == (outcome is UNDECIDED)


def test_the_images_that_would_decide_do(release: Make) -> None:
    criterion = judged(drop(12, 3, 100), 0.03, Decide.INTERVAL, "the baseline")
    assert criterion.outcome is UNDECIDED
    assert criterion.more_images is not None
    for total, decided in ((100 + criterion.more_images, True), (99 + criterion.more_images, False)):
        low, high = paired_difference_interval(3 * total / 100, 12 * total / 100, total)
        assert (not low <= 0.03 < high) is decided
    apart = replace(drop(12, 3, 100), paired=False, drop=replace(drop(12, 3, 100).drop, low=-0.05, high=0.2))
    assert judged(apart, 0.03, Decide.INTERVAL, "the baseline").more_images is not None


def test_the_reason_says_on_what_it_rests() -> None:
    reason = judged(drop(12, 3, 100), None, Decide.INTERVAL, "the baseline").reason
    assert "on the same 100 images, 9.0 points lower" in reason
    assert "points higher" in judged(drop(3, 12, 100), None, Decide.INTERVAL, "the baseline").reason
