from __future__ import annotations

import math
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnaudit.numerics.confidence_sequence import confidence_sequence
from bnnaudit.numerics.intervals import wilson_interval

HORIZON = 300


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
