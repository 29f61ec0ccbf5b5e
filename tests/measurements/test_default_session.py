"""A default session of ONNX Runtime beside the exact one, on a file where fused kernels round otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import ModelProto

from bnnaudit.core.evidence import DefaultAnswers
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.measurements.agreement import compare_sessions
from bnnaudit.models.onnx.load import load_onnx
from tests.onnx_import.building import model_of, node, some_values


def quantized_softmax() -> ModelProto:
    """Its kernel on integers is a step off for a hundredth of the numbers."""
    quantized = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "f"),
        node("Softmax", "f", "p"),
    ]
    rounded = [
        node("QuantizeLinear", "p step z", "i"),
        node("DequantizeLinear", "i step z", "r"),
        node("MatMul", "r w"),
    ]
    constants = {"s": np.float32(0.0213), "z": np.uint8(0), "step": np.float32(0.0039), "w": some_values(48, 5)}
    return model_of([*quantized, *rounded], ["n", 48], constants, 17, output_shape=["n", 5])


def load(model: ModelProto, path: Path) -> Target:
    onnx.save(model, path)
    return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


def test_against_a_session_opened_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    target = load(quantized_softmax(), path)
    images = 5 * torch.rand(500, 48, generator=torch.Generator().manual_seed(0))
    scores = target.deployed(images)
    assert target.default_session is not None
    found = compare_sessions(scores, target.default_session()(images))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    theirs = torch.from_numpy(session.run(None, {"x": images.numpy()})[0])
    gap = float((theirs - scores).abs().max())
    assert gap > 0.001, "the two round differently, or this test says nothing"
    assert found == DefaultAnswers(500, int((theirs.argmax(1) != scores.argmax(1)).sum()), gap)


def test_images_in_another_class_are_counted() -> None:
    answers = torch.tensor([[0.0, 1.0], [2.0, 1.0], [3.0, 4.0]])
    scores = torch.tensor([[0.0, 1.0], [1.5, 2.0], [3.0, 4.5]])
    assert compare_sessions(scores, answers) == DefaultAnswers(3, 1, 1.0)


def test_a_model_of_floats_needs_no_second_session(tmp_path: Path) -> None:
    model = model_of([node("MatMul", "x w")], ["n", 12], {"w": some_values(12, 5)}, output_shape=["n", 5])
    target = load(model, tmp_path / "model.onnx")
    assert target.default_session is None
