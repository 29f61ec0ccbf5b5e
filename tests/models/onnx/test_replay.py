from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from onnx import ModelProto, TensorProto, helper

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import Layout
from bnnaudit.core.target import Preparation
from bnnaudit.models.onnx.replay import CHUNK, OnnxRuntimeModel
from tests.onnx_import.building import model_of, node, some_values

WEIGHTS = some_values(12, 3)
PLAIN = Preparation((12,), Layout.FLAT)


def linear(batch: int | str) -> ModelProto:
    return model_of([node("MatMul", "x w")], [batch, 12], {"w": WEIGHTS}, output_shape=[batch, 3])


def deployed(model: ModelProto, prepare: Preparation = PLAIN) -> OnnxRuntimeModel:
    return OnnxRuntimeModel(model.SerializeToString(), prepare)


@pytest.mark.parametrize("batch", ["n", 1, 4, 7])
@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_any_number_of_images(batch: int | str, count: int) -> None:
    images = torch.rand(count, 12, generator=torch.Generator().manual_seed(0))
    scores = deployed(linear(batch))(images)
    torch.testing.assert_close(scores, images @ torch.from_numpy(WEIGHTS), rtol=1e-5, atol=1e-6)


def test_more_images_than_a_chunk() -> None:
    images = torch.rand(2 * CHUNK + 3, 12)
    torch.testing.assert_close(deployed(linear("n"))(images), images @ torch.from_numpy(WEIGHTS), rtol=1e-5, atol=1e-5)


def test_single_precision_on_the_cpu_without_a_graph() -> None:
    images = torch.rand(2, 12, dtype=torch.float64).requires_grad_()
    scores = deployed(linear("n"))(images)
    assert scores.dtype == torch.float32
    assert scores.device.type == "cpu"
    assert not scores.requires_grad


def test_images_are_prepared() -> None:
    """(N, C, H, W) in the network's range become what the file takes."""
    nodes = [node("ReduceMean", "x axes", keepdims=0)]
    model = model_of(nodes, ["n", 2, 5, 3], {"axes": np.array([1, 2])}, output_shape=["n", 3])
    prepare = Preparation((2, 5, 3), Layout.NHWC, (10.0,), (2.0,))
    images = torch.tensor([12.0, 14.0, 16.0]).view(1, 3, 1, 1).expand(4, 3, 2, 5)
    torch.testing.assert_close(deployed(model, prepare)(images), torch.tensor([[1.0, 2.0, 3.0]]).expand(4, 3))


def test_an_output_by_name_and_maps_of_one_pixel() -> None:
    model = linear("n")
    model.graph.node.append(node("Unsqueeze", "y axes", "maps"))
    model.graph.initializer.append(helper.make_tensor("axes", TensorProto.INT64, [2], [2, 3]))
    model.graph.output.append(helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 3, 1, 1]))
    images = torch.rand(2, 12)
    chosen = OnnxRuntimeModel(model.SerializeToString(), PLAIN, "maps")
    torch.testing.assert_close(chosen(images), images @ torch.from_numpy(WEIGHTS), rtol=1e-5, atol=1e-6)


def test_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(linear("n").SerializeToString())
    assert OnnxRuntimeModel(path, PLAIN)(torch.rand(2, 12)).shape == (2, 3)


def test_says_what_it_runs_on() -> None:
    assert deployed(linear("n")).runtime == f"onnxruntime {onnxruntime.__version__} (CPUExecutionProvider)"


def test_a_model_that_cannot_be_loaded(capfd: pytest.CaptureFixture[str]) -> None:
    model = linear("n")
    model.opset_import[0].version = 9999
    with pytest.raises(ModelError, match="ONNX Runtime cannot load the model") as caught:
        deployed(model)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", ""), "ONNX Runtime keeps its messages to itself"


def test_a_run_that_fails(capfd: pytest.CaptureFixture[str]) -> None:
    """A file that leaves its batch open but cannot take any number of images."""
    model = model_of(
        [node("Reshape", "x t", "r"), node("MatMul", "r w")],
        ["n", 12],
        {"t": np.array([2, 12]), "w": WEIGHTS},
        output_shape=["n", 3],
    )
    with pytest.raises(ModelError, match="ONNX Runtime cannot run the model") as caught:
        deployed(model)(torch.rand(3, 12))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_scores_that_are_not_one_row_for_each_image() -> None:
    model = model_of([node("ReduceMean", "x axes")], ["n", 12], {"axes": np.array([0])}, output_shape=[1, 12])
    with pytest.raises(ModelError, match="1 rows of scores for 3 images"):
        deployed(model)(torch.rand(3, 12))


def test_an_input_of_text() -> None:
    model = model_of([node("Identity", "x")], ["n"], element_type=TensorProto.STRING, output_type=TensorProto.STRING)
    with pytest.raises(ModelError, match=r"x tensor\(string\)"):
        deployed(model)
