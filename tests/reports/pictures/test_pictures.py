"""Pictures: the same bytes for the same report, and a clear line where they cannot be drawn."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bnnaudit.core.errors import UsageError
from bnnaudit.core.report import Report
from bnnaudit.reports.pictures import figure
from bnnaudit.reports.pictures.figure import check_can_plot
from bnnaudit.reports.pictures.signal import save_signal
from bnnaudit.reports.pictures.sweep import save_sweep
from tests.reports.hostile import EVERYTHING

SAVERS = [save_signal, save_sweep]


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_same_report_gives_the_same_bytes(save, suffix: str, detailed: Report, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        check_can_plot(path)
        save(detailed, path)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")
    assert len(first) > 10_000


@pytest.mark.parametrize("save", SAVERS)
def test_another_report_gives_another_picture(save, detailed: Report, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    save(detailed, tmp_path / "a.svg")
    save(replace(detailed, model=replace(detailed.model, path="other.onnx")), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() != (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize("save", SAVERS)
@pytest.mark.parametrize("name", [EVERYTHING, r"$\frac{x$.onnx"])
def test_names_of_strangers_are_drawn_as_they_are(save, name: str, detailed: Report, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert detailed.signal is not None
    places = tuple(replace(place, name=name) for place in detailed.signal.places)
    report = replace(detailed, model=replace(detailed.model, path=name), signal=replace(detailed.signal, places=places))
    save(report, tmp_path / "a.svg")
    assert not re.search(rb"<script|<img|[\x00-\x08\x0b-\x1f]", (tmp_path / "a.svg").read_bytes())
    ElementTree.parse(tmp_path / "a.svg")


@pytest.mark.parametrize("name", ["picture.pdf", "picture", "missing/picture.svg"])
def test_what_cannot_be_drawn_is_refused_first(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="plot"):
        check_can_plot(tmp_path / name)


def test_without_matplotlib_the_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"bnnaudit\[plot\]"):
        check_can_plot(tmp_path / "picture.svg")
