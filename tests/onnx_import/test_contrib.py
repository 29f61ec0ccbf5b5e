"""ONNX Runtime's own operators, against ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper

from bnnaudit.onnx_import.graph.graph import RUNTIME_DOMAIN
from bnnaudit.onnx_import.importer import plain_graph
from bnnaudit.onnx_import.runtime import open_session
from tests.onnx_import.building import imported, model_of

F32 = np.float32
IMAGES = (4, 6, 5, 7)


@dataclass(frozen=True)
class Case:
    """An operator on the input quantized to `x`; `loose`: how many quanta it may differ by, None for floats."""

    op: str
    inputs: str
    constants: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = IMAGES
    settings: dict[str, Any] = field(default_factory=dict)
    loose: int = 0


def numbers(*shape: int, signed: bool = False, seed: int = 1) -> NDArray[Any]:
    low, high = (-128, 128) if signed else (0, 256)
    kind = np.int8 if signed else np.uint8
    return np.random.default_rng(seed).integers(low, high, shape).astype(kind)


def reals(*shape: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(F32)


def cases(kind: type[np.generic]) -> list[Case]:
    """Every quantized operator on numbers of a type."""
    zero, other = (kind(7), kind(100)) if kind is np.uint8 else (kind(-5), kind(3))
    signed = kind is np.int8
    parameters = {"xs": F32(0.021), "xz": zero, "ys": F32(0.013), "yz": other}
    second = {"b": numbers(*IMAGES, signed=signed), "bs": F32(0.017), "bz": other}
    unary = "x xs xz ys yz"
    window = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    weight = {"w": numbers(6, 5, signed=signed), "ws": F32(0.01), "wz": kind(3)}
    bias = {"bias": np.arange(5, dtype=np.int32) * 1000}
    return [
        Case("QLinearAdd", "x xs xz b bs bz ys yz", parameters | second),
        Case("QLinearMul", "x xs xz b bs bz ys yz", parameters | second),
        Case("QLinearWhere", "c x xs xz b bs bz ys yz", parameters | second | {"c": reals(*IMAGES) > 0}),
        Case("QLinearSigmoid", unary, parameters | {"ys": F32(1 / 256)}),
        Case("QLinearLeakyRelu", unary, parameters, settings={"alpha": 0.1}),
        Case("QLinearSoftmax", unary, parameters | {"ys": F32(1 / 256)}, settings={"axis": -1, "opset": 13}, loose=1),
        Case("QLinearGlobalAveragePool", unary, parameters | {"ys": F32(0.004), "yz": zero, "xs": F32(0.001)}),
        Case("QLinearAveragePool", unary, parameters, settings=window),
        Case("QLinearAveragePool", unary, parameters, settings=window | {"count_include_pad": 1}),
        Case("QLinearConcat", "ys yz x xs xz b bs bz", parameters | second, settings={"axis": 1}),
        Case("QGemm", "x xs xz w ws wz bias ys yz", parameters | weight | bias | {"ys": F32(0.3)}, (4, 6)),
        Case("QGemm", "x xs xz w ws wz bias", parameters | weight | bias, (4, 6)),
        Case("MatMulIntegerToFloat", "x w xs ws xz wz", parameters | weight, (4, 6)),
    ]


FLOATS = [
    Case("FusedConv", "x w b", {"w": reals(3, 6, 3, 3), "b": reals(3)}, settings={"activation": "Relu"}),
    Case(
        "FusedConv",
        "x w",
        {"w": reals(3, 6, 3, 3)},
        settings={"activation": "Clip", "activation_params": [-0.5, 0.5], "pads": [1, 0, 1, 0]},
    ),
    Case(
        "FusedConv", "x w", {"w": reals(3, 6, 3, 3)}, settings={"activation": "LeakyRelu", "activation_params": [0.2]}
    ),
    Case(
        "FusedConv",
        "x w b z",
        {"w": reals(3, 6, 3, 3), "b": reals(3), "z": reals(4, 3, 3, 5)},
        settings={"activation": "Relu"},
    ),
    Case("FusedMatMul", "x w", {"w": reals(5, 6)}, (4, 6), {"transB": 1, "alpha": 0.5}),
    Case("FusedMatMul", "x w", {"w": reals(2, 5, 3)}, (2, 5, 4), {"transA": 1}),
    Case("FusedGemm", "x w b", {"w": reals(6, 5), "b": reals(5)}, (4, 6), {"activation": "Relu", "beta": 0.5}),
    Case("Gelu", "x"),
    Case("BiasGelu", "x b", {"b": reals(7)}),
    Case("FastGelu", "x b", {"b": reals(7)}),
    Case("FastGelu", "x"),
    Case("QuickGelu", "x", settings={"alpha": 1.5}),
    Case(
        "SkipLayerNormalization",
        "x s g b c",
        {"s": reals(4, 5, 8), "g": reals(8), "b": reals(8), "c": reals(8)},
        (4, 5, 8),
    ),
    Case("SkipLayerNormalization", "x s g", {"s": reals(4, 5, 8), "g": reals(8)}, (4, 5, 8), {"epsilon": 1e-5}),
    Case("SkipSimplifiedLayerNormalization", "x s g", {"s": reals(4, 5, 8), "g": reals(8)}, (4, 5, 8)),
    Case(
        "DynamicQuantizeMatMul",
        "x w ws wz b",
        {"w": numbers(6, 5), "ws": reals(5) ** 2, "wz": numbers(5, seed=3), "b": reals(5)},
        (4, 6),
    ),
]


def model(case: Case, taken: int, returned: int) -> ModelProto:
    settings = dict(case.settings)
    made = model_of(
        [helper.make_node(case.op, case.inputs.split(), ["y"], domain=RUNTIME_DOMAIN, **settings)],
        case.shape,
        case.constants,
        opset=17,
        element_type=taken,
        output_type=returned,
    )
    made.opset_import.append(helper.make_opsetid(RUNTIME_DOMAIN, 1))
    return made


def run(made: ModelProto, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    (theirs,) = open_session(made.SerializeToString()).run(["y"], {"x": values})
    with torch.no_grad():
        ours = imported(made)(torch.from_numpy(values)).numpy()
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    turned = (
        any(entry.name.startswith("trans") for entry in made.graph.node[0].attribute)
        and len(made.graph.node[0].input) == 2
    )
    graph = plain_graph(made)
    assert graph.shape("y") == (None if turned else theirs.shape)
    assert graph.element_type("y") == helper.np_dtype_to_tensor_dtype(theirs.dtype)
    return ours, theirs


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
@pytest.mark.parametrize("index", range(len(cases(np.uint8))), ids=lambda index: cases(np.uint8)[index].op)
def test_quantized(kind: type[np.generic], index: int) -> None:
    case = cases(kind)[index]
    code = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    real = case.op == "MatMulIntegerToFloat" or (case.op == "QGemm" and len(case.inputs.split()) == 7)
    ours, theirs = run(
        model(case, code, TensorProto.FLOAT if real else code), numbers(*case.shape, signed=kind is np.int8, seed=0)
    )
    if real:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
        return
    gap = np.abs(ours.astype(int) - theirs.astype(int))
    assert gap.max() <= case.loose
    assert len(np.unique(theirs)) > 5, "the case shows many levels"


@pytest.mark.parametrize("case", FLOATS, ids=lambda case: case.op)
def test_fused_floats(case: Case) -> None:
    ours, theirs = run(model(case, TensorProto.FLOAT, TensorProto.FLOAT), reals(*case.shape, seed=0))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
@pytest.mark.parametrize("per_channel", [False, True])
def test_quantized_convolution(kind: type[np.generic], per_channel: bool) -> None:
    """QLinearConv equals ONNX Runtime's to the bit: whole sums, then one product and one rounding."""
    count = 8 if per_channel else 1
    constants = {
        "xs": F32(0.02),
        "xz": kind(7),
        "w": numbers(8, 3, 3, 3, signed=True),
        "ws": (reals(count) ** 2 * 0.01 + 0.001).astype(F32),
        "wz": np.zeros(count, np.int8),
        "ys": F32(0.3),
        "yz": kind(100),
        "bias": np.arange(8, dtype=np.int32) * 100,
    }
    code = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    made = model_of(
        [
            helper.make_node(
                "QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "bias"], ["y"], pads=[1, 1, 0, 0]
            )
        ],
        (2, 3, 9, 9),
        constants,
        opset=17,
        element_type=code,
        output_type=code,
    )
    ours, theirs = run(made, numbers(2, 3, 9, 9, signed=kind is np.int8))
    np.testing.assert_array_equal(ours, theirs)
