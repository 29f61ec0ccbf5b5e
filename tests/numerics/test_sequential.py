"""Wald's test: its bounds by hand, and how often it errs by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bnnaudit.numerics.sequential import RatioTest

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
