"""Roundings and clips in the forms that people and converters write: one step each, equal to ONNX Runtime to the bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from onnx import NodeProto

from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN
from bnnaudit.onnx_import.graph.quantizer_kinds import QuantizerKind
from bnnaudit.onnx_import.operators import quantizer_of
from tests.onnx_import.building import by_import, by_runtime, imported, lowered, model_of, node

F32 = np.float32
VALUES = (np.arange(-48, 49, dtype=F32) / 8).reshape(1, -1)
CONSTANTS: dict[str, Any] = {
    "half": F32(0.5),
    "minus": F32(-0.5),
    "one": F32(1),
    "zero": F32(0),
    "low": F32(-4),
    "high": F32(3),
    "s": F32(7),
}

SHIFTED = {
    "floor of a half more": [node("Add", "x half", "a"), node("Floor", "a")],
    "floor of a half and it": [node("Add", "half x", "a"), node("Floor", "a")],
    "floor of less than minus a half": [node("Sub", "x minus", "a"), node("Floor", "a")],
    "ceiling of a half less": [node("Sub", "x half", "a"), node("Ceil", "a")],
    "away from zero": [
        node("Abs", "x", "b"),
        node("Add", "b half", "a"),
        node("Floor", "a", "f"),
        node("Sign", "x", "g"),
        node("Mul", "g f"),
    ],
    "less its fraction": [node("Mod", "x one", "m", fmod=1), node("Sub", "x m")],
}

CLIPPED = {
    "after": [node("Add", "x half", "a"), node("Floor", "a", "f"), node("Clip", "f low high")],
    "before": [node("Clip", "x low high", "c"), node("Add", "c half", "a"), node("Floor", "a")],
    "min of max": [node("Max", "x low", "m"), node("Min", "m high", "c"), node("Round", "c")],
    "max of min": [node("Min", "high x", "m"), node("Max", "low m", "c"), node("Round", "c")],
    "both ways": [node("Round", "x", "r"), node("Min", "r high", "m"), node("Max", "m low")],
}


def made(nodes: list[NodeProto]) -> Any:
    used = {name for one in nodes for name in one.input}
    return model_of(nodes, [1, 97], {name: value for name, value in CONSTANTS.items() if name in used})


def steps(nodes: list[NodeProto]) -> list[QuantizerKind]:
    graph = lowered(made(nodes))
    return [kind for one in graph.nodes if (kind := quantizer_of(graph, one)) is not None]


def gradient(nodes: list[NodeProto]) -> np.ndarray:
    values = torch.from_numpy(VALUES).requires_grad_()
    return torch.autograd.grad(imported(made(nodes))(values).sum(), values)[0].numpy()


@pytest.mark.parametrize("form", SHIFTED)
def test_a_shifted_floor_is_a_round(form: str) -> None:
    nodes = SHIFTED[form]
    np.testing.assert_array_equal(by_import(made(nodes), VALUES), by_runtime(made(nodes), VALUES))
    assert [kind.op for kind in steps(nodes)] == ["round"]
    assert (gradient(nodes) == 1).all()


@pytest.mark.parametrize("form", CLIPPED)
def test_a_clip_makes_it_a_quantizer_of_three_bits(form: str) -> None:
    nodes = CLIPPED[form]
    np.testing.assert_array_equal(by_import(made(nodes), VALUES), by_runtime(made(nodes), VALUES))
    assert steps(nodes) == [QuantizerKind("quantize", 3, -4.0, 3.0)]
    inside = (VALUES > -3.5) & (VALUES < 2.5)
    assert (gradient(nodes)[inside] == 1).all()


def test_a_relu_below_a_min_is_a_clip() -> None:
    nodes = [node("Relu", "x", "r"), node("Min", "r s", "m"), node("Round", "m")]
    np.testing.assert_array_equal(by_import(made(nodes), VALUES), by_runtime(made(nodes), VALUES))
    assert steps(nodes) == [QuantizerKind("quantize", 3, 0.0, 7.0)]


def test_another_shift_is_another_step() -> None:
    nodes = [node("Add", "x s", "a"), node("Floor", "a")]
    assert [kind.op for kind in steps(nodes)] == ["floor"]


def test_bounds_that_cross_are_no_clip() -> None:
    nodes = [node("Max", "x high", "m"), node("Min", "m low")]
    np.testing.assert_array_equal(by_import(made(nodes), VALUES), by_runtime(made(nodes), VALUES))
    assert not any(one.op_type == "Clip" for one in lowered(made(nodes)).nodes)


@pytest.mark.parametrize(
    "last", [node("Relu", "g"), node("Max", "g zero"), node("Max", "zero g"), node("Clip", "g zero one")]
)
def test_the_positive_part_of_a_sign_is_one_step(last: NodeProto) -> None:
    nodes = [node("Sign", "x", "g"), last]
    np.testing.assert_array_equal(by_import(made(nodes), VALUES), by_runtime(made(nodes), VALUES))
    assert steps(nodes) == [QuantizerKind("sign", 1, 0.0, 1.0)]
    assert [one.op_type for one in lowered(made(nodes)).nodes if one.domain == OWN_DOMAIN] == ["BinarySign"]


@pytest.mark.parametrize(
    ("kind", "low", "high", "bits"), [(np.int8, -4, 3, 3), (np.uint8, 0, 63, 6), (np.int8, -1, 1, 2)]
)
def test_a_clip_behind_a_quantizer_tells_its_bits(kind: Any, low: int, high: int, bits: int) -> None:
    nodes = [node("QuantizeLinear", "x s z", "q"), node("Clip", "q l h", "c"), node("DequantizeLinear", "c s z")]
    constants = {"s": F32(0.5), "z": kind(0), "l": kind(low), "h": kind(high)}
    model = model_of(nodes, [1, 97], constants)
    graph = lowered(model)
    found = [described for one in graph.nodes if (described := quantizer_of(graph, one)) is not None]
    assert found == [QuantizerKind("quantize", bits, low / 2, high / 2)]
    np.testing.assert_array_equal(by_import(model, VALUES), by_runtime(model, VALUES))
