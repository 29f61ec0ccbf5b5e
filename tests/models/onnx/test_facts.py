import hashlib
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, helper

from bnnaudit.core.facts import LayerBits, ModelFacts, ModelFormat, OperatorCount
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.models.onnx.load import inspect_onnx
from tests.onnx_import.building import model_of, node, some_values


def facts(folder: Path, model: ModelProto) -> ModelFacts:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return inspect_onnx(path, Preprocessing())


def chain(nodes: list[NodeProto], opset: int = 20, **constants: np.ndarray) -> ModelProto:
    """12 features to h by `nodes`, then to 3 scores with float weights."""
    constants = {"w": some_values(12, 3), **constants}
    return model_of([*nodes, node("MatMul", "h w")], ["n", 12], constants, opset, output_shape=["n", 3])


def test_identity_of_the_file(tmp_path: Path) -> None:
    model = chain([node("Relu", "x", "h")])
    model.producer_name, model.producer_version = "maker", "1.2"
    model.doc_string = "a description"
    model.metadata_props.add(key="licence", value="mine")
    found = facts(tmp_path, model)
    path = tmp_path / "model.onnx"
    assert found.path == str(path)
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.format is ModelFormat.ONNX
    assert found.runtime.startswith("onnxruntime ")
    assert dict(found.metadata) == {
        "producer": "maker 1.2",
        "opset": "ai.onnx 20",
        "ir version": "10",
        "graph": "by hand",
        "description": "a description",
        "licence": "mine",
    }


def test_a_long_description_is_cut(tmp_path: Path) -> None:
    model = chain([node("Relu", "x", "h")])
    model.doc_string = "x" * 10_000
    assert len(dict(facts(tmp_path, model).metadata)["description"]) == 503


def test_operators_are_those_of_the_file(tmp_path: Path) -> None:
    """Also the nodes that the differentiable copy does without."""
    nodes = [node("Identity", "x", "a"), node("Dropout", "a", "b"), node("Relu", "b", "c"), node("Relu", "c", "h")]
    counted = facts(tmp_path, chain(nodes)).operators
    assert counted[0] == OperatorCount("Relu", 2)
    assert set(counted) == {OperatorCount(op, 1) for op in ("Identity", "Dropout", "MatMul")} | {counted[0]}


def test_parameters(tmp_path: Path) -> None:
    """Weights count; scalars and shapes do not."""
    nodes = [node("Mul", "x c", "m"), node("Add", "m bias", "a"), node("Reshape", "a shape", "h")]
    constants = {"c": np.float32(2), "bias": some_values(12), "shape": np.array([-1, 12])}
    assert facts(tmp_path, chain(nodes, **constants)).parameters == 12 * 3 + 12


@pytest.mark.parametrize(
    ("nodes", "quantizers", "bits"),
    [
        ([node("Relu", "x", "h")], [], 32),
        ([node("Sign", "x", "s"), node("Add", "s c", "a"), node("Sign", "a", "h")], [("Sign_h", "sign", 1)], 1),
        ([node("Sign", "x", "h")], [("Sign_h", "sign", 2)], 2),
        ([node("Round", "x", "h")], [("Round_h", "round", None)], None),
        (
            [node("Round", "x", "r"), node("GreaterOrEqual", "r c", "g"), node("Where", "g one zero", "h")],
            [("Round_r", "round", None), ("Where_h", "sign", 1)],
            1,
        ),
        (
            [node("Floor", "x", "f"), node("Ceil", "f", "h")],
            [("Floor_f", "floor", None), ("Ceil_h", "ceil", None)],
            None,
        ),
    ],
)
def test_quantizers(
    tmp_path: Path, nodes: list[NodeProto], quantizers: list[tuple[str, str, int | None]], bits: int | None
) -> None:
    scalars = {name: np.float32(value) for name, value in (("c", 0.1), ("one", 1), ("zero", 0))}
    found = facts(tmp_path, chain(nodes, **scalars))
    assert [(fact.name, fact.op, fact.bits) for fact in found.quantizers] == quantizers
    assert found.activation_bits == bits


def test_the_fewest_bits_of_any_layer_stand_for_the_model_and_every_layer_is_counted(tmp_path: Path) -> None:
    binary = np.sign(some_values(12, 100, seed=1))
    nodes = [node("MatMul", "x b", "m"), node("MatMul", "m back", "h")]
    for back, layers in (
        (some_values(100, 12), (LayerBits(1, 1), LayerBits(32, 2))),
        (np.sign(some_values(100, 12)), (LayerBits(1, 2), LayerBits(32, 1))),
    ):
        found = facts(tmp_path, chain(nodes, b=binary, back=back))
        assert (found.weight_bits, found.weight_layers) == (1, layers)


@pytest.mark.parametrize(("kind", "bits"), [("int8", 8), ("int16", 16), ("uint16", 16)])
def test_bits_of_stored_integers_are_those_of_their_type(tmp_path: Path, kind: str, bits: int) -> None:
    limits = np.iinfo(kind)
    stored = np.random.default_rng(0).integers(limits.min, limits.max + 1, (12, 100)).astype(kind)
    stored.flat[:2] = limits.min, limits.max
    nodes = [
        node("DequantizeLinear", "stored s z", "b"),
        node("MatMul", "x b", "m"),
        node("Slice", "m from to last", "h"),
    ]
    zero = np.array(limits.max // 2 if kind == "uint16" else 0, kind)
    constants = {"stored": stored, "s": np.float32(0.0123), "z": zero}
    constants |= {"from": np.array([0]), "to": np.array([12]), "last": np.array([1])}
    assert facts(tmp_path, chain(nodes, opset=21, **constants)).weight_bits == bits


def test_weights_of_a_gemm_have_their_channels_where_it_says(tmp_path: Path) -> None:
    scaled = np.sign(some_values(6, 12)) * np.arange(1, 7, dtype=np.float32)[:, None]
    back = np.sign(some_values(6, 12, seed=2))
    nodes = [node("Gemm", "x b", "m", transB=1), node("MatMul", "m back", "h")]
    assert facts(tmp_path, chain(nodes, b=scaled, back=back)).weight_bits == 1


def test_weights_that_are_binarized_in_the_graph(tmp_path: Path) -> None:
    nodes = [node("Sign", "latent", "b"), node("MatMul", "x b", "h")]
    found = facts(tmp_path, chain(nodes, latent=some_values(12, 12)))
    assert found.weight_bits == 1
    assert found.quantizers == (), "a step on weights alone is none of the network's"


def test_no_weights(tmp_path: Path) -> None:
    model = model_of([node("Relu", "x")], ["n", 12], output_shape=["n", 12])
    assert facts(tmp_path, model).weight_bits is None


def test_foreign_operators_can_be_inspected(tmp_path: Path) -> None:
    model = chain([node("Strange", "x", "h", domain="my.domain")])
    model.opset_import.append(helper.make_opsetid("my.domain", 3))
    found = facts(tmp_path, model)
    assert OperatorCount("my.domain.Strange", 1) in found.operators
    assert dict(found.metadata)["opset"] == "ai.onnx 20, my.domain 3"
    assert found.activation_bits is None, "an operator that we do not know may quantize"
