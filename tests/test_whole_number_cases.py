"""Small public inputs that are no part of the project: whole-number inputs, and a file that our options made unloadable."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from bnnaudit.cli.main import run
from tests.paths import SHARED

CASES = SHARED / "cases"
BYTES, SHARED = CASES / "uint8_default_range", CASES / "shared_zero_point"

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"no cases in {CASES}")


@pytest.fixture
def report_of(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict]:
    def call(*arguments: object) -> dict:
        assert run([*(str(argument) for argument in arguments), "--format", "json"]) in (0, 1, 3)
        document: dict = json.loads(capsys.readouterr().out)
        return document

    return call


@pytest.mark.parametrize(("eps", "least", "most"), [("0.6/255", 1.0, 1.0), ("1/255", 0.65, 0.71)])
def test_a_uint8_network_with_the_range_of_its_type(
    report_of: Callable[..., dict], eps: str, least: float, most: float
) -> None:
    """No other picture lies within 0.6/255; within 1/255 PGD leaves about 70.5 %."""
    report = report_of("attack", BYTES / "uint8.onnx", "--data", BYTES / "x.npz", "--samples", 400, "--eps", eps)
    assert report["model"]["input_range"] == [0, 255]
    assert report["clean_accuracy"] == 1.0
    assert least <= report["attacks"][0]["adversarial_accuracy"] <= most
    assert report["attacks"][0]["adversarial_accuracy_8bit"] == report["attacks"][0]["adversarial_accuracy"]


def test_what_is_saved_is_what_the_network_takes(report_of: Callable[..., dict], tmp_path: Path) -> None:
    saved = tmp_path / "adversarial.npz"
    report = report_of("attack", BYTES / "uint8.onnx", "--data", BYTES / "x.npz", "--eps", "2.9/255", "--save", saved)
    with np.load(saved) as stored:
        content = dict(stored)
    whole = content["x"].astype(np.uint8)
    assert (whole == content["x"]).all()
    assert np.abs(whole.astype(int) - content["original"].astype(int)).max() == 2
    session = onnxruntime.InferenceSession(str(BYTES / "uint8.onnx"), providers=["CPUExecutionProvider"])
    classes = session.run(None, {"x": whole.transpose(0, 2, 3, 1)})[0].argmax(axis=1)
    assert (classes == content["y"]).mean() == pytest.approx(report["attacks"][0]["adversarial_accuracy"])


def test_a_file_whose_weights_share_a_zero_point_runs_as_the_one_whose_do_not(report_of: Callable[..., dict]) -> None:
    reports = [
        report_of("attack", SHARED / name, "--data", SHARED / "x.npz", "--eps", "8/255")
        for name in ("shared.onnx", "own.onnx")
    ]
    shared, own = ({**report["attacks"][0], "seconds": 0} for report in reports)
    assert shared == own
    assert reports[0]["clean_accuracy"] == reports[1]["clean_accuracy"]
    assert "int8 constants that layers share copied" in reports[0]["model"]["runtime"]
