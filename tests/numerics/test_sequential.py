"""Wald's test: its bounds by hand, and how often it errs by simulation; the confidence sequence by exact probabilities."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnaudit.numerics.intervals import wilson_interval
from bnnaudit.numerics.sequential import RatioTest, confidence_sequence

HORIZON = 300
TEST = RatioTest(usual=0.9, poor=0.6, level=0.01, enough=5)


def test_the_ratio_is_that_of_the_two_binomials() -> None:
    """The binomial coefficient cancels."""
    likelihoods = [share**7 * (1 - share) ** 3 for share in (0.6, 0.9)]
    assert TEST.log_ratio(7, 3) == pytest.approx(math.log(likelihoods[0] / likelihoods[1]))


def test_four_misses_in_a_row_are_enough_and_four_finds_settle_it() -> None:
    """(0.4 / 0.1)^3 = 64 < 100 < 4^4; (0.9 / 0.6)^4 = 5.06 > 5."""
    assert [TEST.is_poor(0, misses) for misses in (3, 4)] == [False, True]
    assert [TEST.is_settled(finds, 0) for finds in (3, 4)] == [False, True]
    assert not TEST.is_poor(4, 0)


def test_looking_after_every_observation_errs_no_more_often_than_the_level() -> None:
    """By Ville's inequality; 4,000 runs of 100 at the usual share, where 40 errors are expected at most."""
    draws = np.random.default_rng(0).random((4000, 100)) < 0.9
    found = draws.cumsum(axis=1)
    missed = np.arange(1, 101) - found
    ratios = found * math.log(0.6 / 0.9) + missed * math.log(0.4 / 0.1)
    assert (ratios.max(axis=1) >= math.log(100)).sum() <= 40


def test_a_poor_share_is_found_out() -> None:
    draws = np.random.default_rng(1).random((1000, 40)) < 0.5
    found = draws.cumsum(axis=1)
    poor = [any(TEST.is_poor(int(run[n]), n + 1 - int(run[n])) for n in range(40)) for run in found]
    assert np.mean(poor) > 0.95


@cache
def interval(successes: int, total: int) -> tuple[float, float]:
    return confidence_sequence(successes, total)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.3, 0.5, 0.97])
def test_the_chance_of_ever_missing_the_truth_stays_below_the_level(share: float) -> None:
    """Exact, by the probabilities of all counts at which no interval until then has missed it."""
    alive = {0: 1.0}
    for total in range(1, HORIZON + 1):
        after: dict[int, float] = {}
        for successes, chance in alive.items():
            after[successes] = after.get(successes, 0.0) + chance * (1 - share)
            after[successes + 1] = after.get(successes + 1, 0.0) + chance * share
        alive = {
            successes: chance
            for successes, chance in after.items()
            if interval(successes, total)[0] <= share <= interval(successes, total)[1]
        }
    assert 1 - math.fsum(alive.values()) <= 0.05


@given(st.integers(1, 2000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_it_holds_the_share_mirrors_and_is_wider_than_an_interval_for_one_look(counts: tuple[int, int]) -> None:
    successes, total = counts
    low, high = confidence_sequence(successes, total)
    assert 0 <= low <= successes / total <= high <= 1
    mirrored = confidence_sequence(total - successes, total)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)
    if 0.05 < successes / total < 0.95 and total >= 20:
        once = wilson_interval(successes, total)
        assert high - low > once[1] - once[0]


def test_its_end_is_where_the_mixture_is_level_times_less_likely() -> None:
    """No success in n: (1 - p)^n = level B(1/2, n + 1/2) / B(1/2, 1/2), in closed form."""
    n, level = 100, 0.05
    mixture = math.exp(math.lgamma(n + 0.5) - math.lgamma(n + 1) - math.lgamma(0.5))
    assert confidence_sequence(0, n, level)[1] == pytest.approx(1 - (level * mixture) ** (1 / n), abs=1e-12)


def test_nothing_is_known_before_the_first_trial_and_impossible_counts_are_refused() -> None:
    assert confidence_sequence(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="3 successes of 2"):
        confidence_sequence(3, 2)
