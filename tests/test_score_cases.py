"""Files that end as converters let them end; skipped where they are not at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from bnnaudit.cli.main import run
from bnnaudit.reports.json.schema import report_schema
from tests.paths import SHARED

CASES = SHARED / "cases"
DIGITS = CASES / "softmax_then_quantize" / "digits.npz"
Call = Callable[..., tuple[int, dict]]

pytestmark = pytest.mark.skipif(not DIGITS.exists(), reason=f"no cases in {CASES}")


@pytest.fixture
def report_of(capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*arguments: object) -> tuple[int, dict]:
        code = run([*(str(argument) for argument in arguments), "--format", "json", "--quiet"])
        report = json.loads(capsys.readouterr().out)
        jsonschema.validate(report, report_schema())
        return code, report

    return call


def checked(report_of: Call, model: Path, seed: int) -> tuple[int, dict]:
    options = ("--eps", 0.2, "--effort", "quick", "--samples", 60, "--seed", seed)
    return report_of("check", model, "--data", DIGITS, *options)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        ("softmax_then_quantize/quantized", "logits"),
        ("softmax_then_quantize/cut", "logits"),
        ("softmax_tails/cast", "scaled"),
        ("softmax_tails/concat", "scaled"),
        ("softmax_tails/written", "scaled"),
        ("softmax_tails/sigmoid", "scaled"),
        ("softmax_tails/qoperator", "logits_quantized before rounding"),
    ],
)
def test_a_saturated_network_stands_naked_behind_every_tail(report_of: Call, name: str, tensor: str, seed: int) -> None:
    """At most one image is left of the 50 or 60 that the audit takes, where stored images leave one of 60."""
    code, report = checked(report_of, CASES / f"{name}.onnx", seed)
    assert code == 1
    assert report["verdict"]["status"] == "fake-robustness"
    assert report["verdict"]["verified_accuracy"] <= 0.02
    assert report["model"]["scores"]["tensor"] == tensor
    assert report["model"]["scores"]["rejected"] == []
    assert not report["faults"]
    found = {finding["rule"] for finding in report["findings"]}
    assert {"SP212", "FR301", "FR302"} <= found
    assert "MF401" not in found


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Random images of 8 x 8 without labels, as pictures and as vectors."""
    images = np.random.default_rng(0).random((40, 3, 8, 8), dtype=np.float32)
    np.savez(tmp_path / "pictures.npz", x=images)
    np.savez(tmp_path / "vectors.npz", x=images.reshape(40, -1))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "data", "classes", "single"),
    [
        ("fcn_nc11", "pictures", 10, None),
        ("no_batch_out", "pictures", 10, None),
        ("features_first", "pictures", 10, None),
        ("int8_scores", "vectors", 10, None),
        ("two", "pictures", 2, None),
        ("sigmoid_single", "pictures", 2, "probability"),
        ("sigmoid_squeezed", "pictures", 2, "probability"),
    ],
)
def test_outputs_of_every_form_run(
    report_of: Call, pictures: Path, name: str, data: str, classes: int, single: str | None
) -> None:
    model = CASES / "forms" / f"{name}.onnx"
    options = ("--eps", 0.05, "--method", "pgd++", "--beta", "hns")
    code, report = report_of("attack", model, "--data", pictures / f"{data}.npz", *options)
    (row,) = report["attacks"]
    assert code == 0
    assert report["model"]["num_classes"] == classes
    assert report["model"]["single"] == single
    assert row["replayed"] > 0
    assert row["adversarial_accuracy"] < 1
    assert not {finding["rule"] for finding in report["findings"]} & {"MF401", "MF402", "MF405"}


def test_ties_of_whole_scores_are_counted(report_of: Call, pictures: Path) -> None:
    model, data = CASES / "forms" / "int8_scores.onnx", pictures / "vectors.npz"
    _, report = report_of("attack", model, "--data", data, "--eps", 0.05)
    output = report["output"]
    assert output["images"] == 40
    assert 0 < output["tied_images"] < 20
    assert output["distinct_scores"] <= 256
    assert report["attacks"][0]["replay_disagreements"] == 0
