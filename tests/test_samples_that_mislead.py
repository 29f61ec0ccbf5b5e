"""Data as people store them, held against models made for them: what is wrong is an error, is named, and never passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bnnaudit.cli.main import run
from tests.paths import SHARED

CASES = SHARED / "cases"
FORMS = CASES / "data_forms"
UINT8 = CASES / "uint8_default_range"

pytestmark = pytest.mark.skipif(not CASES.exists(), reason=f"no cases in {CASES}")
Ran = tuple[int, dict, str]


@pytest.fixture
def ran(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Exit code, report ({} where there is none) and stderr."""

    def call(command: str, *arguments: object) -> Ran:
        code = run([command, *(str(argument) for argument in arguments), "--format", "json", "-q"])
        streams = capsys.readouterr()
        return code, json.loads(streams.out) if streams.out else {}, streams.err

    return call


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A linear network that classifies the sixty images of the forms as they are labelled, by least squares."""
    stored = np.load(FORMS / "a_xy_uint8_nhwc.npz")
    images = stored["x"].transpose(0, 3, 1, 2).reshape(60, -1) / 255 - 0.5
    weights, *_ = np.linalg.lstsq(images, np.eye(10)[stored["y"]] - 0.1, rcond=None)
    return save_linear(tmp_path_factory.mktemp("model") / "linear.onnx", weights * 10)


def save_linear(path: Path, weights: NDArray[np.floating]) -> Path:
    """(images - 0.5) @ weights for images (n, 3, 8, 8)."""
    nodes = [
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("Sub", ["flat", "half"], ["centred"]),
        helper.make_node("MatMul", ["centred", "w"], ["y"]),
    ]
    values = {"w": weights.astype(np.float32), "half": np.full(1, 0.5, dtype=np.float32)}
    graph = helper.make_graph(
        nodes,
        "linear",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def messages(report: dict) -> dict[str, str]:
    return {finding["rule"]: finding["message"] for finding in report["findings"] if finding["severity"] == "error"}


def test_the_right_labels_are_not_accused(ran: Callable[..., Ran], model: Path) -> None:
    _, report, _ = ran("check", model, "--data", FORMS / "a_xy_uint8_nhwc.npz", "--effort", "quick", "--eps", "1/255")
    assert report["clean_accuracy"] == 1.0
    assert not [code for code in messages(report) if code.startswith("MF")]


def test_labels_from_1_are_named_and_do_not_pass(ran: Callable[..., Ran], model: Path) -> None:
    code, report, _ = ran("check", model, "--data", FORMS / "j_y_one_based.npz", "--effort", "quick")
    assert code == 3
    assert (report["verdict"]["status"], report["verdict"]["passed"]) == ("inconclusive", False)
    assert "MF413" in report["verdict"]["reason"]
    assert "the labels start at 1" in messages(report)["MF413"]
    assert "100.0 % in that case" in messages(report)["MF413"]


def test_an_attack_alone_names_them_too(ran: Callable[..., Ran], model: Path) -> None:
    _, report, _ = ran("attack", model, "--data", FORMS / "j_y_one_based.npz", "--method", "fgsm")
    assert "MF413" in messages(report)


def test_labels_that_reach_the_number_of_classes_are_named(
    ran: Callable[..., Ran], model: Path, tmp_path: Path
) -> None:
    images = np.load(FORMS / "a_xy_uint8_nhwc.npz")["x"]
    np.savez(tmp_path / "d.npz", x=images, y=np.arange(60) % 10 + 1)
    code, _, told = ran("check", model, "--data", tmp_path / "d.npz")
    assert code == 2
    assert "they seem to start at 1; subtract 1" in told


@pytest.mark.parametrize("form", ["f_normalised", "o_minus1_1"])
def test_normalised_images_are_refused_with_the_ways_out(ran: Callable[..., Ran], model: Path, form: str) -> None:
    code, _, told = ran("check", model, "--data", FORMS / f"{form}.npz")
    assert code == 2
    assert told.count("\n") == 1
    for way in ("--mean", "--std", "--input-range", "input_range"):
        assert way in told


def test_a_wrong_range_of_whole_numbers_is_named(ran: Callable[..., Ran]) -> None:
    arguments = (UINT8 / "uint8.onnx", "--data", UINT8 / "x.npz", "--samples", 60, "--effort", "quick")
    code, report, _ = ran("check", *arguments, "--input-range", "0,1")
    assert code == 3
    assert {"MF412", "MF414"} <= set(messages(report))
    assert "--input-range 0,255" in messages(report)["MF414"]
    _, right, _ = ran("check", *arguments, "--input-range", "0,255")
    assert right["clean_accuracy"] == 1.0
    assert not {"MF412", "MF414"} & set(messages(right))


def test_colours_in_the_other_order_are_named_and_can_be_given(
    ran: Callable[..., Ran], model: Path, tmp_path: Path
) -> None:
    weights = numpy_helper.to_array(onnx.load(model).graph.initializer[0])
    other = save_linear(tmp_path / "bgr.onnx", weights.reshape(3, 64, 10)[::-1].reshape(192, 10))
    data = ("--data", FORMS / "a_xy_uint8_nhwc.npz", "--method", "fgsm", "--eps", "1/255")
    _, wrong, _ = ran("attack", other, *data)
    assert "give --channels bgr" in messages(wrong)["MF414"]
    _, right, _ = ran("attack", other, *data, "--channels", "bgr")
    _, plain, _ = ran("attack", model, *data)
    assert right["model"]["channels"] == "bgr"
    assert right["clean_accuracy"] == 1.0
    assert right["attacks"][0]["adversarial_accuracy"] == plain["attacks"][0]["adversarial_accuracy"]


def test_images_without_colours_have_no_order_of_them(ran: Callable[..., Ran]) -> None:
    folder = CASES / "softmax_then_quantize"
    code, _, told = ran("check", folder / "cut.onnx", "--data", folder / "digits.npz", "--channels", "bgr")
    assert code == 2
    assert "not red, green and blue planes" in told
    assert told.count("\n") == 1


def test_noise_as_images_is_a_warning(ran: Callable[..., Ran], model: Path) -> None:
    _, report, _ = ran("attack", model, "--data", FORMS / "l_no_labels.npz", "--method", "fgsm")
    (warning,) = (finding for finding in report["findings"] if finding["rule"] == "MF415")
    assert warning["severity"] == "warning"
    assert "like noise" in warning["message"]
