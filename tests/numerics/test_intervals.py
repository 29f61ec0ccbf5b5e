import itertools

import pytest
from scipy import stats

from bnnaudit.numerics.intervals import (
    difference_interval,
    holm,
    mcnemar_exact,
    mean_interval,
    median_interval,
    paired_difference_interval,
    wilson_interval,
)


@pytest.mark.parametrize(("successes", "total"), [(0, 300), (7, 150), (150, 300), (300, 300), (1, 1)])
def test_wilson_agrees_with_scipy(successes: int, total: int) -> None:
    reference = stats.binomtest(successes, total).proportion_ci(method="wilson")
    low, high = wilson_interval(successes, total)
    assert low == pytest.approx(reference.low, abs=1e-12)
    assert high == pytest.approx(reference.high, abs=1e-12)


def test_an_empty_sample_shows_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert paired_difference_interval(0, 0, 0) == (-1.0, 1.0)
    assert mcnemar_exact(0, 0) == 1.0


@pytest.mark.parametrize(("first", "second"), [(0, 5), (3, 9), (10, 10), (0, 1), (200, 260), (0, 4000)])
def test_mcnemar_agrees_with_the_binomial_test(first: int, second: int) -> None:
    assert mcnemar_exact(first, second) == pytest.approx(stats.binomtest(first, first + second).pvalue, rel=1e-9)


def test_paired_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    total, p_first, p_second = 200, 0.03, 0.10
    outcomes = stats.multinomial(total, [p_first, p_second, 1 - p_first - p_second]).rvs(2000, random_state=0)
    covered = 0
    for first, second, _ in outcomes:
        low, high = paired_difference_interval(int(first), int(second), total)
        covered += low <= p_second - p_first <= high
    assert 0.93 <= covered / 2000 <= 0.98


def test_a_worked_example_of_holm_s_procedure() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holm_leaves_one_comparison_as_it_is_and_none_gives_none() -> None:
    assert holm([0.2]) == (0.2,)
    assert holm([]) == ()


def test_holm_s_adjusted_values_reject_exactly_what_the_step_down_rule_rejects() -> None:
    def rejected(p_values: tuple[float, ...], level: float) -> set[int]:
        """Compare the smallest with level / m, the next with level / (m - 1), and stop at the first that is larger."""
        kept: set[int] = set()
        for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
            if p_values[index] > level / (len(p_values) - rank):
                break
            kept.add(index)
        return kept

    for p_values in itertools.product((0.001, 0.012, 0.02, 0.06, 0.7), repeat=4):
        adjusted = holm(p_values)
        assert {index for index, value in enumerate(adjusted) if value <= 0.05 + 1e-12} == rejected(p_values, 0.05)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_that_of_the_publication(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """[Newcombe 1998], Table II, method 10."""
    shares = [(count / total, *wilson_interval(count, total)) for count, total in (first, second)]
    assert difference_interval(shares[0], shares[1]) == pytest.approx((low, high), abs=5e-5)
    assert difference_interval(shares[1], shares[0]) == pytest.approx((-high, -low), abs=5e-5)


def test_the_interval_of_a_mean_by_hand() -> None:
    """Of 1, 2, 3, 4 the standard deviation is sqrt(5/3), so that of the mean sqrt(5/12)."""
    mean, low, high = mean_interval([1.0, 2.0, 3.0, 4.0])
    assert mean == 2.5
    assert high - mean == pytest.approx(mean - low) == pytest.approx(1.959964 * (5 / 12) ** 0.5)


@pytest.mark.parametrize("count", [1, 2, 5, 6, 9, 30, 50, 1500])
def test_the_interval_of_a_median_covers_it_as_often_as_it_says(count: int) -> None:
    """Between the ranks that it takes lies the median of any distribution with the chance that binomial ranks give.

    A narrower interval would have less than 95 %; of fewer than six values even the widest has.
    """
    values = [float(value) for value in range(count)]
    median, low, high = median_interval(values[::-1])
    assert median == (count - 1) / 2
    first = round(low)
    assert high == count - 1 - first
    chance, narrower = (1 - 2 * stats.binom.cdf(rank, count, 0.5) for rank in (first, first + 1))
    assert first == 0 if count < 6 else narrower < 0.95 <= chance
