"""A tiny ONNX model with its data, and the command line run in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bnnaudit.cli.main import run


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
