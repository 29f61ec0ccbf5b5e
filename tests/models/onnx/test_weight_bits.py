"""Bits of weights as files state them: odd ones too, whatever holds the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import ModelProto, TensorProto, helper

from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from tests.onnx_import.building import model_of, node, some_values
from tests.paths import SHARED

F32 = np.float32
CASE = SHARED / "cases" / "quant_int64_zero_point"
DOMAIN = "qonnx.custom_op.general"


def bits(folder: Path, model: ModelProto) -> tuple[int | None, int | None]:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    found = inspect_onnx(path, Preprocessing())
    return found.weight_bits, found.activation_bits


def qonnx(width: int, kind: Any = np.int64, turned: bool = False) -> ModelProto:
    """Weights of standard deviation 1 on a grid of 1/2: fewer levels occur than eight bits have."""
    constants = {
        "w": some_values(5, 12) if turned else some_values(12, 5),
        "s": F32(0.5),
        "z": kind(0),
        "b": kind(width),
    }
    nodes = [helper.make_node("Quant", ["w", "s", "z", "b"], ["q"], domain=DOMAIN, signed=1)]
    nodes += [node("Transpose", "q", "t", perm=[1, 0]), node("MatMul", "x t")] if turned else [node("MatMul", "x q")]
    model = model_of(nodes, ["n", 12], constants, 13, output_shape=["n", 5])
    model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return model


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("kind", [np.int64, np.float32])
@pytest.mark.parametrize("width", [2, 3, 5, 6, 8])
def test_a_quantizer_states_its_bits(tmp_path: Path, width: int, kind: Any, turned: bool) -> None:
    assert bits(tmp_path, qonnx(width, kind, turned))[0] == width


def dequantized(kind: Any, low: int, high: int) -> ModelProto:
    whole = np.random.default_rng(0).integers(low, high + 1, (48, 10)).astype(kind)
    whole[0], whole[1] = low, high
    nodes = [node("DequantizeLinear", "w s z", "d"), node("MatMul", "x d")]
    return model_of(nodes, ["n", 48], {"w": whole, "s": F32(0.1), "z": kind(0)}, 13, output_shape=["n", 10])


@pytest.mark.parametrize(
    ("kind", "low", "high", "expected"),
    [
        (np.int8, -127, 127, 8),
        (np.int8, -64, 63, 7),
        (np.int8, -32, 31, 6),
        (np.int8, -4, 3, 3),
        (np.int8, -2, 3, 3),
        (np.int8, -1, 1, 2),
        (np.uint8, 0, 255, 8),
        (np.uint8, 0, 7, 3),
    ],
)
def test_a_container_may_hold_fewer_bits(tmp_path: Path, kind: Any, low: int, high: int, expected: int) -> None:
    assert bits(tmp_path, dequantized(kind, low, high))[0] == expected


def test_a_narrow_type_states_its_bits(tmp_path: Path) -> None:
    """All values are among -1, 0 and 1, and yet it is four bits that are stored."""
    packed = helper.make_tensor("w", TensorProto.INT4, (12, 5), ([-1, 0, 1] * 20))
    model = model_of([node("DequantizeLinear", "w s", "d"), node("MatMul", "x d")], ["n", 12], {"s": F32(0.1)}, 21)
    model.graph.initializer.append(packed)
    assert bits(tmp_path, model)[0] == 4


def test_scales_for_blocks_of_a_channel(tmp_path: Path) -> None:
    """The numbers of a channel lie on no grid of their own; the type alone tells."""
    scales = np.linspace(0.1, 1.7, 4 * 5, dtype=np.float32).reshape(4, 5)
    whole = np.random.default_rng(0).integers(-127, 128, (64, 5)).astype(np.int8)
    nodes = [node("DequantizeLinear", "w s", "d", axis=0, block_size=16), node("MatMul", "x d")]
    assert bits(tmp_path, model_of(nodes, ["n", 64], {"w": whole, "s": scales}, 21))[0] == 8


@pytest.mark.skipif(not CASE.exists(), reason=f"no models in {CASE}")
@pytest.mark.parametrize("name", ["int64", "float32"])
def test_a_public_form(name: str) -> None:
    found = inspect_onnx(CASE / f"{name}.onnx", Preprocessing())
    assert (found.weight_bits, found.activation_bits) == (6, 6)


@pytest.mark.skipif(not CASE.exists(), reason=f"no models in {CASE}")
def test_zero_points_of_whole_numbers_change_nothing() -> None:
    images = torch.from_numpy(np.load(CASE / "x.npz")["x"])
    plain, whole = (
        load_onnx(CASE / f"{name}.onnx", Preprocessing(), Surrogate(), torch.device("cpu"))
        for name in ("float32", "int64")
    )
    assert whole.logits(images).equal(plain.logits(images))
    assert whole.deployed(images).equal(plain.deployed(images))
    assert whole.logits(images).equal(whole.deployed(images))
