"""The note on sums of 8-bit products: which files it concerns; `tests.onnx_import.test_runtime` has the sums themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.models.onnx.clipping import clipping_note
from bnnaudit.models.onnx.load import inspect_onnx
from tests.onnx_import.building import model_of, node, some_values


def quantized(form: str, activations: str = "uint8", weights: str = "int8", largest: int = 127) -> ModelProto:
    """A product of 12 features by integers up to `largest`, and float scores."""
    stored = np.full((12, 5), largest, weights)
    constants = {"w": stored, "s": np.float32(0.1), "z": np.array(0, activations), "zw": np.array(0, weights)}
    nodes = {
        "qdq": [node("DequantizeLinear", "w s zw", "wf"), node("MatMul", "f wf")],
        "qlinear": [node("QLinearMatMul", "q s z w s zw s z", "i"), node("DequantizeLinear", "i s z")],
    }[form]
    before = [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "f")]
    return model_of([*before, *nodes], ["n", 12], constants, 17, output_shape=["n", 5])


@pytest.mark.parametrize("form", ["qdq", "qlinear"])
@pytest.mark.parametrize(
    ("activations", "weights", "largest", "noted"),
    [
        ("uint8", "int8", 127, True),
        ("uint8", "int8", 64, True),
        ("uint8", "int8", 63, False),
        ("uint8", "int8", -64, False),
        ("uint8", "int8", -65, True),
        ("uint8", "uint8", 255, False),
    ],
)
def test_layers_that_clip(form: str, activations: str, weights: str, largest: int, noted: bool) -> None:
    note = clipping_note(quantized(form, activations, weights, largest))
    assert note == (
        "8-bit sums exact (by default they may be clipped in 1 layer on x86 without VNNI: session.x64quantprecision)"
        if noted
        else ""
    )


@pytest.mark.parametrize(("form", "noted"), [("qdq", True), ("qlinear", False)])
def test_activations_of_signed_numbers(form: str, noted: bool) -> None:
    """Between (de)quantizers a default session turns them into uint8; written as integers they stay what they are."""
    assert bool(clipping_note(quantized(form, "int8"))) == noted


def test_a_dynamically_quantized_layer_clips() -> None:
    nodes = [helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), node("MatMulInteger", "q w z", "i")]
    model = model_of([*nodes, node("Cast", "i", to=1)], ["n", 12], {"w": np.full((12, 5), 127, np.int8)}, 17)
    assert "1 layer" in clipping_note(model)


def test_beside_convolutions_of_signed_numbers_there_is_no_exact_mode() -> None:
    model = quantized("qlinear")
    model.graph.node.append(helper.make_node("QLinearConv", ["a", "s", "zw", "w", "s", "zw", "s", "zw"], ["unused"]))
    assert clipping_note(model) == "8-bit sums may be clipped in 1 layer on x86 without VNNI"


UNAVOIDABLE = "8-bit sums may be clipped in 1 layer on x86 without VNNI"


@pytest.mark.parametrize(("weights", "noted"), [("int8", True), ("uint8", False)])
@pytest.mark.parametrize("moved", [True, False])
def test_weights_that_are_computed_clip_in_every_session(weights: str, noted: bool, moved: bool) -> None:
    """Products of activations, as attention has them; what only moves integers leaves their type."""
    dynamic = helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])
    nodes = [dynamic, node("QuantizeLinear", "x s zw", "k"), node("Transpose", "k", "t")]
    product = node("MatMulInteger", "q t z" if moved else "q k z", "i")
    model = model_of([*nodes, product, node("Cast", "i", to=1)], [4, 4], {"zw": np.array(0, weights)}, 17)
    assert clipping_note(model) == (UNAVOIDABLE if noted else "")


@pytest.mark.parametrize(
    ("activations", "weights", "largest", "noted"),
    [("int8", "uint8", 255, True), ("int8", "uint8", 127, False), ("uint8", "int8", 127, False)],
)
def test_a_convolution_of_integers_has_its_weights_on_the_left(
    activations: str, weights: str, largest: int, noted: bool
) -> None:
    constants = {"w": np.full((4, 1, 3, 3), largest, weights), "z": np.array(0, activations), "s": np.float32(1)}
    nodes = [node("QuantizeLinear", "x s z", "q"), node("ConvInteger", "q w z", "i"), node("Cast", "i", to=1)]
    assert clipping_note(model_of(nodes, ["n", 1, 6, 6], constants, 17)) == (UNAVOIDABLE if noted else "")


def test_both_notes_at_once() -> None:
    model = quantized("qlinear")
    model.graph.node.append(node("MatMulInteger", "q k z", "unused"))
    model.graph.input.append(helper.make_tensor_value_info("k", TensorProto.INT8, [12, 5]))
    assert clipping_note(model).startswith("8-bit sums exact (by default")
    assert clipping_note(model).endswith(f", {UNAVOIDABLE}")


def test_a_float_model_needs_no_note() -> None:
    assert clipping_note(model_of([node("MatMul", "x w")], ["n", 12], {"w": some_values(12, 5)})) == ""


def test_the_note_is_where_people_look(tmp_path: Path) -> None:
    onnx.save(quantized("qdq"), tmp_path / "model.onnx")
    noted = inspect_onnx(tmp_path / "model.onnx", Preprocessing()).runtime
    assert "(de)quantizers computed as the file states them, not fused into integer kernels, 8-bit sums exact" in noted
