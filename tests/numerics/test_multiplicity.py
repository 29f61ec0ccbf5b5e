"""Holm's procedure against its definition, worked by hand and by brute force."""

import itertools

import pytest

from bnnaudit.numerics.multiplicity import holm


def test_a_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_one_comparison_is_left_as_it_is_and_none_gives_none() -> None:
    assert holm([0.2]) == (0.2,)
    assert holm([]) == ()


def test_adjusted_values_reject_exactly_what_the_step_down_rule_rejects() -> None:
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
