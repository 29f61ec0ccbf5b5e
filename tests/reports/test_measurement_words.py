"""The numbers of findings in words: percentages like everywhere else, and what is verified as an upper bound."""

import math

import pytest

from bnnaudit.core.finding import Measurement
from bnnaudit.reports.measurement_words import measurement_words


@pytest.mark.parametrize(
    ("measurement", "words"),
    [
        (Measurement("left_after_pgd", 0.5816, "fraction of images", 300, 0.525, 0.637), "58.2 % [52.5, 63.7]"),
        (Measurement("zero gradients", 0.71, "fraction"), "71.0 %"),
        (Measurement("verified_accuracy", 0.0, "fraction", 300, 0.0, 0.0126), "at most 0.0 % [0.0, 1.3]"),
        (Measurement("ratio", 7.0, "x", 300, -math.inf, 8.0), "7 x [-, 8]"),
        (Measurement("p value", 1e-50), "1.0e-50"),
        (Measurement("ratio", math.nan, "x"), "-"),
    ],
)
def test_the_value_has_its_unit_once_and_its_interval_beside_it(measurement: Measurement, words: str) -> None:
    assert measurement_words(measurement)[1] == words


def test_names_are_words_and_a_sample_size_may_be_missing() -> None:
    assert measurement_words(Measurement("p_value", 0.5))[::2] == ("p value", "-")
    assert measurement_words(Measurement("p_value", 0.5, n=1200))[2] == "1,200"
