"""A tiny ONNX model with its data, and the command line run in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from bnnaudit.cli.main import run
from tests.releases.conftest import release  # noqa: F401 - a fixture
from tests.reports.conftest import facts, fake  # noqa: F401 - fixtures


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str


@pytest.fixture
def bnnaudit(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def call(*arguments: object) -> Ran:
        code = run([str(argument) for argument in arguments])
        streams = capsys.readouterr()
        return Ran(code, streams.out, streams.err)

    return call


def write_model(path: Path, scale: float = 1.0) -> None:
    """Sign of a linear map, then a linear map times `scale`: 1 x 4 x 4 images, three classes."""
    rng = np.random.default_rng(0)
    first = rng.standard_normal((16, 32)).astype(np.float32)
    second = (rng.standard_normal((32, 3)) * scale).astype(np.float32)
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("MatMul", ["flat", "first"], ["pre"]),
        helper.make_node("Sub", ["pre", "half"], ["centred"]),
        helper.make_node("Sign", ["centred"], ["step"], name="step"),
        helper.make_node("MatMul", ["step", "second"], ["logits"]),
    ]
    weights = {"first": first, "second": second, "half": (first.sum(0) / 2).astype(np.float32)}
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 4, 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A saturated binary network."""
    path = tmp_path / "tiny.onnx"
    write_model(path, scale=200.0)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """60 unlabelled images for it."""
    path = tmp_path / "images.npz"
    np.savez(path, x=np.random.default_rng(1).random((60, 1, 4, 4), dtype=np.float32))
    return path


@pytest.fixture
def folder(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a model for each code: `honest` passes, `fake` does not, `broken` is none; images whose labels are
    right (`images.npz` has none) for nine in ten, or for all (`right.npz`)."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "honest.onnx", scale=0.05)
    write_model(tmp_path / "fake.onnx", scale=200.0)
    (tmp_path / "broken.onnx").write_bytes(b"no model at all")
    images = np.load(data)["x"]
    classes = onnxruntime.InferenceSession(str(tmp_path / "honest.onnx")).run(None, {"image": images})[0].argmax(1)
    wrong = np.arange(len(images)) % 10 == 0
    np.savez(tmp_path / "right.npz", x=images, y=classes)
    np.savez(tmp_path / "labelled.npz", x=images, y=np.where(wrong, (classes + 1) % 3, classes))
    return tmp_path
