"""The way back through the network and the curves, as text and as JSON."""

import pytest

from bnnaudit.core.report import Report
from bnnaudit.reports.json.audit import report_to_json
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.writer import write_text


def test_it_says_where_the_gradient_vanishes(detailed: Report) -> None:
    text = " ".join(write_text(detailed, Page(120)).split())
    assert "as it is: the gradient vanishes at the logits on 85.0 % of the images: the softmax is saturated" in text
    assert "NJS: the gradient reaches the input" in text
    assert "HNS: the gradient vanishes at features.1.sign on 100.0 % of the images" in text


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("ascii", [False, True])
def test_it_keeps_to_the_width(detailed: Report, width: int, ascii: bool) -> None:
    text = write_text(detailed, Page(width, ascii=ascii))
    assert max(map(len, text.splitlines())) <= width
    assert "Hessian ||d2l/dx2||" in text
    assert not ascii or text.isascii()


def test_a_sweep_by_itself_shows_its_intervals(detailed: Report, fake: Report) -> None:
    assert "[64.7, 74.7]" in write_text(detailed, Page(80))
    assert "[64.7, 74.7]" not in write_text(fake, Page(80))


def test_json_holds_places_and_curves(detailed: Report, fake: Report) -> None:
    signal = report_to_json(detailed)["signal"]
    assert isinstance(signal, dict)
    assert signal["places"][0] == {  # type: ignore[index]
        "name": "logits",
        "original": {"gradient_norm": 7.3e-7, "zero_gradient_fraction": 0.85},
        "njs": {"gradient_norm": 0.0028, "zero_gradient_fraction": 0.0},
        "hns": {"gradient_norm": 0.0042, "zero_gradient_fraction": 0.0},
    }
    assert {len(values) for values in signal["curves"].values()} == {51}  # type: ignore[union-attr]
    plain = report_to_json(fake)["signal"]
    assert isinstance(plain, dict)
    assert "places" not in plain
