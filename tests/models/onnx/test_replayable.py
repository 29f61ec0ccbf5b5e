"""The deployed copy of models that no runtime takes as they are, and the ranges that belong to an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, NodeProto, TensorProto, helper

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import Layout
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Preparation, Target
from bnnaudit.models.onnx import reading as onnx_graph
from bnnaudit.models.onnx.file import read_onnx
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from bnnaudit.models.onnx.network import FixedBatch
from bnnaudit.models.onnx.replay import OnnxRuntimeModel, ReferenceModel
from bnnaudit.models.onnx.replayable import STANDARDISED, in_standard_form
from tests.onnx_import.building import model_of, node, some_values

F32 = np.float32
QONNX = "qonnx.custom_op.general"
WEIGHTS = some_values(12, 5)


def loaded(folder: Path, model: ModelProto) -> Target:
    path = folder / "model.onnx"
    onnx.save(model, path)
    return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


def quantized(domain: str = QONNX, op: str = "Quant", batch: int | str = "n", bits: float = 3) -> ModelProto:
    """Activations and weights in `bits` bits, a batch normalisation behind them that needs to know shapes."""
    constants: dict[str, Any] = {"s": F32(0.5), "z": F32(0), "bits": F32(bits), "w": WEIGHTS}
    constants |= {name: np.full(5, value, F32) for name, value in (("g", 1.5), ("b", 0.1), ("m", 0.2), ("v", 2))}
    settings = {"signed": 1, "narrow": 1, "rounding_mode": "ROUND"}
    nodes: list[NodeProto] = [
        helper.make_node(op, ["x", "s", "z", "bits"], ["q"], "activations", domain=domain, **settings),
        helper.make_node(op, ["w", "s", "z", "bits"], ["wq"], "weights", domain=domain, **settings),
        node("MatMul", "q wq", "p"),
        node("BatchNormalization", "p g b m v"),
    ]
    made = model_of(nodes, [batch, 12], constants, 13, output_shape=[batch, 5])
    made.opset_import.append(helper.make_opsetid(domain, 1))
    return made


@pytest.mark.parametrize("domain", [QONNX, "onnx.brevitas", "finn.custom_op.general"])
@pytest.mark.parametrize("batch", ["n", 1, 4])
def test_qonnx_is_audited_and_replayed(tmp_path: Path, domain: str, batch: int | str) -> None:
    target = loaded(tmp_path, quantized(domain, batch=batch))
    images = torch.from_numpy(some_values(7, 12, seed=3))
    with torch.no_grad():
        torch.testing.assert_close(target.logits(images), target.deployed(images), rtol=1e-6, atol=1e-6)
    assert STANDARDISED in target.facts.runtime
    assert STANDARDISED in inspect_onnx(tmp_path / "model.onnx", Preprocessing()).runtime
    assert [(fact.name, fact.op, fact.bits, fact.low, fact.high) for fact in target.facts.quantizers] == [
        ("activations", "quantize", 3, -1.5, 1.5)
    ]
    assert (target.facts.weight_bits, target.facts.activation_bits) == (3, 3)


def test_what_no_runtime_can_take_is_said_to_be_unverified(tmp_path: Path) -> None:
    """A float of eight exponent bits is within the import and beyond the standard form."""
    constants = {"s": F32(0.5), "z": F32(0), "e": F32(8), "m": F32(3), "bias": F32(127), "w": WEIGHTS}
    nodes = [
        helper.make_node("FloatQuant", ["x", "s", "e", "m", "bias"], ["q"], domain=QONNX),
        node("MatMul", "q w"),
    ]
    made = model_of(nodes, ["n", 12], constants, 13, output_shape=["n", 5])
    made.opset_import.append(helper.make_opsetid(QONNX, 1))
    target = loaded(tmp_path, made)
    assert "unverified on the deployed model" in target.facts.runtime
    assert "FloatQuant" in target.facts.runtime
    images = torch.from_numpy(some_values(7, 12, seed=3))
    with torch.no_grad():
        torch.testing.assert_close(target.deployed(images), target.logits(images))


@pytest.mark.parametrize("batch", ["n", 4])
@pytest.mark.parametrize("opset", [9, 13, 14, 20])
def test_the_reference_replays_what_onnx_runtime_does(tmp_path: Path, batch: int | str, opset: int) -> None:
    """Batch normalisation included, which must not take the statistics of the batch in any operator set."""
    made = quantized(batch=batch)
    made.opset_import[0].version = opset
    onnx.save(made, tmp_path / "model.onnx")
    plain = in_standard_form(read_onnx(tmp_path / "model.onnx"))
    prepare = Preparation((12,), Layout.FLAT)
    images = torch.from_numpy(some_values(7, 12, seed=3))
    reference = ReferenceModel(plain, prepare, "y")
    torch.testing.assert_close(
        reference(images), OnnxRuntimeModel(plain.SerializeToString(), prepare, "y")(images), rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(reference(images)[:1], reference(images[:1]), rtol=1e-6, atol=1e-6)


def test_what_onnx_runtime_lacks_is_replayed_by_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(*_: object, **__: object) -> None:
        raise ModelError("ONNX Runtime cannot load the model: NOT_IMPLEMENTED : no kernel for Mul(7)")

    made = model_of([node("MatMul", "x w")], ["n", 12], {"w": WEIGHTS}, 17, output_shape=["n", 5])
    monkeypatch.setattr(onnx_graph, "OnnxRuntimeModel", lacks)
    target = loaded(tmp_path, made)
    assert target.facts.runtime.startswith("onnx.reference ")
    images = torch.from_numpy(some_values(7, 12, seed=3))
    with torch.no_grad():
        torch.testing.assert_close(target.logits(images), target.deployed(images), rtol=1e-5, atol=1e-5)


def test_a_broken_model_is_refused_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx"):
        loaded(tmp_path, quantized(bits=2.5))


def dynamic(transposed: bool = False) -> ModelProto:
    """A product in integers with the range of its input; `transposed`: the images are no longer in order of rows."""
    weights = np.random.default_rng(0).integers(-127, 128, (6, 4)).astype(np.int8)
    constants: dict[str, Any] = {"w": weights, "ws": F32(0.01), "to": np.array([-1, 6]), "last": WEIGHTS[:8].copy()}
    inner = "t" if transposed else "x"
    nodes = [
        *([node("Transpose", "x", "t", perm=[1, 0, 2])] if transposed else []),
        node("Reshape", f"{inner} to", "rows"),
        helper.make_node("DynamicQuantizeLinear", ["rows"], ["q", "s", "z"]),
        node("MatMulInteger", "q w z", "i"),
        node("Cast", "i", "f", to=TensorProto.FLOAT),
        node("Mul", "s ws", "both"),
        node("Mul", "f both", "m"),
        node("Reshape", "m shape", "n"),
        *([node("Transpose", "n", "back", perm=[1, 0, 2])] if transposed else []),
        node("Flatten", "back" if transposed else "n", "flat"),
        node("MatMul", "flat last"),
    ]
    constants["shape"] = np.array([2, -1, 4] if transposed else [-1, 2, 4])
    return model_of(nodes, ["n", 2, 6], constants, 17, output_shape=["n", 5])


@pytest.mark.parametrize("transposed", [False, True])
def test_each_image_has_its_own_range(tmp_path: Path, transposed: bool) -> None:
    target = loaded(tmp_path, dynamic(transposed))
    images = torch.from_numpy(some_values(9, 12, seed=3)).reshape(9, 2, 6) * torch.linspace(0.1, 5, 9)[:, None, None]
    alone = torch.cat([target.deployed(image[None]) for image in images])
    torch.testing.assert_close(target.deployed(images), alone, rtol=0, atol=0)
    with torch.no_grad():
        torch.testing.assert_close(target.logits(images), alone, rtol=1e-6, atol=1e-6)
    assert isinstance(target.network, FixedBatch) == transposed, "looped only where the rows of images are mixed"
    inputs = images.clone().requires_grad_()
    target.logits(inputs).sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.flatten(1).abs().amax(1).min() > 0
