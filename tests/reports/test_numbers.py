import math

import pytest

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.threat import Norm, Threat, parse_length
from bnnaudit.reports.numbers import (
    bits,
    duration,
    interval,
    length,
    percent,
    plural,
    shape,
    significant,
    threat_text,
    with_interval,
)


@pytest.mark.parametrize(
    ("fraction", "text"), [(0.5816, "58.2 %"), (0.0, "0.0 %"), (1.0, "100.0 %"), (math.nan, "-"), (None, "-")]
)
def test_a_fraction_is_written_in_percent_with_one_decimal(fraction: float | None, text: str) -> None:
    assert percent(fraction) == text


def test_an_estimate_is_written_with_its_interval() -> None:
    assert interval(Estimate(0.582, 0.525, 0.637, 300)) == "[52.5, 63.7]"
    assert with_interval(Estimate(0.582, 0.525, 0.637, 300)) == "58.2 % [52.5, 63.7]"
    assert with_interval(None) == "not measured"


@pytest.mark.parametrize(
    ("eps", "text"),
    [
        (8 / 255, "8/255"),
        (8 / 255 + 9e-7, "8/255"),
        (8 / 255 + 2e-6, "0.0313745"),
        (1 / 255, "1/255"),
        (120 / 255, "120/255"),
        (300 / 255, "300/255"),
        (0.3, "0.3"),
        (0.5, "0.5"),
        (0.2, "0.2"),
        (1.0, "1"),
        (0.0, "0"),
        (math.inf, "-"),
        (0.5 / 255, "0.5/255"),
        (0.25 / 255, "0.25/255"),
        (0.1, "0.1"),
        (0.125, "0.125"),
    ],
)
def test_a_length_is_written_as_people_write_it(eps: float, text: str) -> None:
    assert length(eps) == text


@pytest.mark.parametrize("eps", [k / 255 for k in range(1, 256)] + [0.3, 0.05, 0.1234])
def test_a_written_length_reads_back(eps: float) -> None:
    assert parse_length(length(eps)) == pytest.approx(eps, abs=1e-6)


def test_a_threat_names_its_norm() -> None:
    assert threat_text(Threat(Norm.LINF, 8 / 255)) == "L-inf 8/255"
    assert threat_text(Threat(Norm.L2, 0.5)) == "L2 0.5"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0 ms"), (0.0213, "21 ms"), (0.9994, "999 ms"), (0.9999, "1.0 s"), (734.25, "734.2 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1.0, "1"),
        (21.44, "21.4"),
        (0.0004121, "4.1e-04"),
        (0.0467, "0.0467"),
        (8001.2, "8001"),
        (-2.5, "-2.5"),
        (1e9, "1.0e+09"),
        (math.nan, "-"),
    ],
)
def test_significant_figures(value: float, text: str) -> None:
    assert significant(value) == text


def test_words_with_numbers() -> None:
    assert plural(1, "class") == "1 class"
    assert plural(12345, "class") == "12,345 classes"
    assert plural(0, "step") == "0 steps"
    assert (bits(None), bits(1), bits(8), bits(32)) == ("unknown", "1 bit", "8 bits", "float (32 bits)")
    assert shape((3, 32, 32)) == "3 x 32 x 32"
