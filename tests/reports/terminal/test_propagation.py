"""The way back through the network and the curves, as text and as JSON."""

import pytest

from bnnaudit.core.report import Report
from bnnaudit.reports.json.audit import report_to_json
from bnnaudit.reports.table import ReportFormat, render


def test_it_says_where_the_signal_dies(detailed: Report) -> None:
    text = " ".join(render(detailed, ReportFormat.TERMINAL, width=120).split())
    assert "as it is: the signal dies at the logits (85.0 % of the images): the softmax is saturated" in text
    assert "NJS: the signal arrives at the input" in text
    assert "HNS: the signal dies at features.1.sign (100.0 % of the images)" in text


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("ascii", [False, True])
def test_it_keeps_to_the_width(detailed: Report, width: int, ascii: bool) -> None:
    text = render(detailed, ReportFormat.TERMINAL, width=width, ascii=ascii)
    assert max(map(len, text.splitlines())) <= width
    assert "Hessian ||d2l/dx2||" in text
    assert not ascii or text.isascii()


def test_a_sweep_by_itself_shows_its_intervals(detailed: Report, fake: Report) -> None:
    assert "[64.7, 74.7]" in render(detailed, ReportFormat.TERMINAL, width=80)
    assert "[64.7, 74.7]" not in render(fake, ReportFormat.TERMINAL, width=80)


def test_json_holds_places_and_curves(detailed: Report, fake: Report) -> None:
    signal = report_to_json(detailed)["signal"]
    assert isinstance(signal, dict)
    assert signal["places"][0] == {  # type: ignore[index]
        "name": "logits",
        "original": {"gradient_norm": 7.3e-7, "dead_fraction": 0.85},
        "njs": {"gradient_norm": 0.0028, "dead_fraction": 0.0},
        "hns": {"gradient_norm": 0.0042, "dead_fraction": 0.0},
    }
    assert {len(values) for values in signal["curves"].values()} == {51}  # type: ignore[union-attr]
    plain = report_to_json(fake)["signal"]
    assert isinstance(plain, dict)
    assert "places" not in plain
