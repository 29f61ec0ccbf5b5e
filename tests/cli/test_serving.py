"""`--serve-as` from the command line and from a card, in what is printed, written and saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import onnx
import onnxruntime
import pytest

from bnnaudit.reports.json.schema import report_schema
from tests.cli.conftest import Ran
from tests.measurements.test_default_session import quantized_softmax

Bnnaudit = Callable[..., Ran]


@pytest.fixture
def quantized(tmp_path: Path) -> Path:
    """A file whose default session rounds otherwise, and data labelled by that session."""
    path = tmp_path / "quantized.onnx"
    onnx.save(quantized_softmax(), path)
    images = np.random.default_rng(0).random((120, 48), dtype=np.float32)
    np.savez(tmp_path / "images.npz", x=images, y=plain(path, images))
    return path


def plain(path: Path, images: np.ndarray) -> np.ndarray:
    """Classes (N,) in a session as anybody opens it."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": images})[0].argmax(axis=1))


@pytest.mark.parametrize("serve_as", [None, "any", "exact", "default"])
def test_the_default_session_s_figure_is_that_of_the_saved_images(
    bnnaudit: Bnnaudit, quantized: Path, serve_as: str | None
) -> None:
    saved = quantized.parent / "adversarial.npz"
    said = ("--serve-as", serve_as) if serve_as else ()
    data = quantized.parent / "images.npz"
    ran = bnnaudit("attack", quantized, "--data", data, "--eps", "0.02", *said, "--save", saved, "--format", "json")
    report = json.loads(ran.out)
    jsonschema.validate(report, report_schema())
    assert report["serving"]["serve_as"] == (serve_as or "any")
    assert report["serving"]["clean"]["default"] == 1.0
    with np.load(saved) as stored:
        content = dict(stored)
    row, labels = report["attacks"][0], content["y"]
    default_session = plain(quantized, content["x"])
    assert (default_session == content["default_after"]).all()
    assert row["sessions"]["default"] == pytest.approx((default_session == labels).mean())
    exact = (content["predicted_before"] == labels) & (content["predicted_after"] == labels)
    assert row["sessions"]["exact"] == pytest.approx(exact.mean())
    assert row["sessions"]["between"] == (exact != (default_session == labels)).sum()
    counted = {"exact": exact, "default": default_session == labels}.get(
        serve_as or "any", exact & (default_session == labels)
    )
    assert row["adversarial_accuracy"] == pytest.approx(counted.mean())
    assert content["fooled"].sum() == round((report["clean_accuracy"] - row["adversarial_accuracy"]) * len(labels))


def test_the_card_says_which_session_counts_and_the_report_says_so_in_words(
    bnnaudit: Bnnaudit, quantized: Path
) -> None:
    card = '[data]\nsource = "images.npz"\n[threat]\neps = 0.02\n[deployment]\nserve_as = "default"\n'
    quantized.with_suffix(".toml").write_text(card)
    out = bnnaudit("attack", quantized).out
    assert "a default session of this machine, opened without options" in out
    out = bnnaudit("attack", quantized, "--serve-as", "any").out
    words = " ".join(out.split())
    assert "any session: an image is fooled if an exact one or a default one of this machine gets it wrong" in words
    header = next(line for line in out.splitlines() if line.lstrip().startswith("attack "))
    assert header.split()[-4:-1] == ["exact", "default", "differ"]


def test_another_word_is_refused(bnnaudit: Bnnaudit, quantized: Path) -> None:
    assert bnnaudit("attack", quantized, "--serve-as", "fastest").code == 2
    quantized.with_suffix(".toml").write_text('[deployment]\nserve_as = "fastest"\n')
    ran = bnnaudit("attack", quantized)
    assert ran.code == 2
    assert "deployment.serve_as: 'fastest' is not one of any, exact, default" in ran.err


def test_a_file_of_floats_is_replayed_once_and_the_report_says_that_both_are_the_same(
    bnnaudit: Bnnaudit, model: Path, data: Path
) -> None:
    report = json.loads(bnnaudit("attack", model, "--data", data, "--format", "json").out)
    assert report["serving"] is None
    assert report["attacks"][0]["sessions"] is None
    assert "a default session computes the same" in report["model"]["runtime"]


@pytest.mark.parametrize("command", ["check", "sweep"])
def test_the_other_commands_take_it_as_well(bnnaudit: Bnnaudit, quantized: Path, command: str) -> None:
    data = quantized.parent / "images.npz"
    over = ("--over", "restarts", "--values", "1,2") if command == "sweep" else ("--effort", "quick", "--samples", "40")
    options = ("--data", data, "--eps", "0.02", "--serve-as", "exact", "--format", "json", *over)
    report = json.loads(bnnaudit(command, quantized, *options).out)
    jsonschema.validate(report, report_schema())
    assert report["serving"]["serve_as"] == "exact"
    assert all(row["sessions"]["exact"] == row["adversarial_accuracy"] for row in report["attacks"])
