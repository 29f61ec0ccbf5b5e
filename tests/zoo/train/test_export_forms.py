"""ONNX files in QONNX's dialect and in int8: they compute what the network does, and audits read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from torch import nn

from bnnaudit.config.card import Settings, settings_for
from bnnaudit.core.errors import SettingsError
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.quantization.layers import deploy
from bnnaudit.zoo.architectures import ARCHITECTURES
from bnnaudit.zoo.train.export import onnx_bytes
from bnnaudit.zoo.train.recipes import read_recipe
from bnnaudit.zoo.train.tables import DataTable, ExportTable, OnnxForm, Recipe
from bnnaudit.zoo.train.training import train
from tests.paths import SAMPLE_MODELS

DOMAIN = "qonnx.custom_op.general"
KINDS: list[tuple[str, int, dict[str, Any]]] = [
    ("cnn", 2, {"weights": "uniform2", "activations": "uniform2"}),
    ("mlp", 4, {"weights": "uniform4", "activations": "uniform4"}),
    ("mlp", 8, {"weights": "uniform8", "activations": "uniform8"}),
    ("cnn", 2, {"weights": "ternary", "activations": "relu"}),
    ("cnn", 1, {"weights": "binary", "activations": "binary"}),
    ("mlp", 1, {"weights": "binary", "activations": "relu", "weight_scale": "mean"}),
]
"""Architecture, bits of a weight, options."""


class Quant(OpRun):
    """QONNX's operator from its definition: clip(round(x / scale + zero), low, high), less zero, times scale."""

    op_domain = DOMAIN

    def _run(self, x: Any, scale: Any, zero: Any, bits: Any, signed: int, narrow: int, rounding_mode: str) -> Any:
        assert rounding_mode == "ROUND"
        low = -(2 ** (bits - 1)) + narrow if signed else 0
        high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1 - narrow
        whole = np.clip(np.round(x / scale + zero), low, high)
        return (((whole - zero) * scale).astype(np.float32),)


class BipolarQuant(OpRun):
    """QONNX's operator from its definition: scale where x >= 0, else -scale."""

    op_domain = DOMAIN

    def _run(self, x: Any, scale: Any) -> Any:
        return (np.where(x >= 0, scale, -scale).astype(np.float32),)


def network(name: str, options: dict[str, Any]) -> nn.Module:
    torch.manual_seed(0)
    sizes = {"channels": [6, 8]} if name == "cnn" else {"hidden": [20, 20]}
    made = ARCHITECTURES[name](**sizes, **options)
    with torch.no_grad():
        made(torch.rand(50, 1, 8, 8))
    return deploy(made)


@pytest.mark.parametrize(("name", "bits", "options"), KINDS)
def test_qonnx_computes_what_torch_does(name: str, bits: int, options: dict[str, Any], tmp_path: Path) -> None:
    """In ONNX's reference evaluator, with all operators from their definitions, and in an audit, which knows the bits."""
    made = network(name, options)
    content = onnx_bytes(made, (1, 8, 8), form=OnnxForm.QONNX)
    model = onnx.load_from_string(content)
    assert {node.op_type for node in model.graph.node if node.domain} <= {"Quant", "BipolarQuant"}
    assert not {node.op_type for node in model.graph.node} & {"QuantizeLinear", "DequantizeLinear", "Clip", "Where"}
    images = torch.rand(16, 1, 8, 8)
    with torch.no_grad():
        expected = made(images)
    (scores,) = ReferenceEvaluator(model, new_ops=[Quant, BipolarQuant]).run(None, {"images": images.numpy()})
    np.testing.assert_allclose(scores, expected.numpy(), rtol=1e-4, atol=1e-4)
    (tmp_path / "net.onnx").write_bytes(content)
    target = load_onnx(tmp_path / "net.onnx", Preprocessing(), Surrogate(), torch.device("cpu"))
    assert {layer.bits for layer in target.facts.weight_layers} == {bits}
    for found in (target.deployed(images), target.logits(images)):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_weights_on_a_grid_are_stored_as_whole_numbers() -> None:
    """Large ones too, which torch's exporter would leave to be rounded at every run."""
    torch.manual_seed(0)
    made = deploy(ARCHITECTURES["mlp"](hidden=[300], weights="uniform4"))
    graph = onnx.load_from_string(onnx_bytes(made, (1, 8, 8))).graph
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    whole = {array.shape: array for array in held.values() if array.dtype == np.int8 and array.size > 1}
    assert whole.keys() == {(300, 64), (10, 300)}
    step = made[1].log_step.detach().exp().numpy()
    np.testing.assert_allclose(whole[300, 64] * step, made[1].weight.detach().numpy(), rtol=1e-6)
    assert all(array.size < 1000 for array in held.values() if array.dtype == np.float32)


@pytest.fixture(scope="module")
def int8(tiny: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path, float]:
    """A float network, quantized; its recipe, file and clean accuracy as training says them."""
    folder = tmp_path_factory.mktemp("int8")
    options = {"channels": [8, 8], "weights": "float", "activations": "relu"}
    recipe = tiny.model_copy(
        update={
            "name": "int8",
            "architecture": tiny.architecture.model_copy(update={"options": options}),
            "data": DataTable(held_out=597),
            "export": ExportTable(onnx=OnnxForm.INT8),
        }
    )
    result = train(recipe, folder)
    return recipe, folder / "int8.onnx", result.clean_accuracy


def test_int8_has_whole_numbers_at_both_ends(int8: tuple[Recipe, Path, float]) -> None:
    model = onnx.load(int8[1])
    ends = [*model.graph.input, *model.graph.output]
    assert [end.type.tensor_type.elem_type for end in ends] == [TensorProto.INT8] * 2
    assert [end.name for end in ends] == ["images", "logits"]
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    (first,) = [node for node in model.graph.node if "images" in node.input]
    assert held[first.input[1]] == pytest.approx(1 / 255)  # a whole number is a pixel less 128
    assert held[first.input[2]] == -128
    layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    sources = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    assert [held[sources[layer.input[1]]].dtype for layer in layers] == [np.int8] * 3


def test_int8_declares_the_accuracy_of_the_file(int8: tuple[Recipe, Path, float]) -> None:
    """Pixels less 128 into ONNX Runtime, the largest whole number out."""
    _, path, accuracy = int8
    with np.load(path.with_name("digits-test.npz")) as stored:
        pixels, labels = stored["x"].astype(np.int16)[:, None] - 128, stored["y"]
    (scores,) = onnxruntime.InferenceSession(str(path)).run(None, {"images": pixels.astype(np.int8)})
    assert accuracy == pytest.approx(
        (scores.argmax(1) == labels).mean(), abs=0.005
    )  # this session's sums may be clipped
    card = settings_for(path, Settings(), path.parent)
    assert card.declared.clean_accuracy == pytest.approx(accuracy, abs=5e-5)
    assert card.training.kind == "int8 weights, int8 activations"


def test_an_audit_deploys_int8_as_it_is(int8: tuple[Recipe, Path, float]) -> None:
    target = load_onnx(int8[1], Preprocessing(), Surrogate(), torch.device("cpu"))
    assert {layer.bits for layer in target.facts.weight_layers} == {8}
    with np.load(int8[1].with_name("digits-test.npz")) as stored:
        pixels = stored["x"].astype(np.float32)[:50, None] - 128  # in the network's own range
    (scores,) = onnxruntime.InferenceSession(str(int8[1])).run(None, {"images": pixels.astype(np.int8)})
    deployed = target.deployed(torch.from_numpy(pixels))
    assert (deployed.argmax(1).numpy() == scores.argmax(1)).mean() >= 0.96


def changed(tmp_path: Path, text: str) -> Path:
    """The recipe of an int8 network, with another table of the export and these lines at its end."""
    recipe = (SAMPLE_MODELS / "recipes" / "digits-ref.toml").read_text(encoding="utf-8")
    (tmp_path / "r.toml").write_text(f"{recipe}\n{text}", encoding="utf-8")
    return tmp_path / "r.toml"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[export]\nonnx = "int8"\nformats = ["onnx", "safetensors"]', "a checkpoint would be of the float network"),
        ('[export]\nonnx = "qonnx"\npacked = true', "packed is for the standard form of ONNX, not for qonnx"),
        ('[export]\nonnx = "int8"\n[data]\nmean = [0.5]\nstd = [0.5]', "neither data.mean nor data.std"),
        ('[export]\nonnx = "int9"', "export.onnx: input should be 'standard', 'qonnx' or 'int8'"),
    ],
)
def test_forms_that_do_not_go_with_the_rest(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read_recipe(changed(tmp_path, text))
    assert said in str(raised.value)


def test_int8_is_made_of_floats(tmp_path: Path) -> None:
    path = changed(tmp_path, '[export]\nonnx = "int8"')
    path.write_text(path.read_text(encoding="utf-8").replace('weights = "float"', 'weights = "binary"'))
    with pytest.raises(SettingsError, match="int8 quantizes a float network"):
        read_recipe(path)
