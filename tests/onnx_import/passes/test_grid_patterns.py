"""Quantizers of plain operators have the gradient of QONNX's, whatever surrogate it follows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import ModelProto, helper
from torch import Tensor

from bnnaudit.core.surrogate import Surrogate
from bnnaudit.quantization.quantizers import with_surrogate
from tests.onnx_import.building import by_runtime, imported, model_of, node

F32 = np.float32
VALUES = np.linspace(-5, 5, 402, dtype=F32).reshape(2, 201)


def written(opset: int, bits: int) -> ModelProto:
    """clip(round(x / s)) s."""
    high = 2**bits - 1
    ends = {"l": F32(0), "h": F32(high)} if opset > 10 else {}
    clip = node("Clip", "r l h", "c") if ends else node("Clip", "r", "c", min=0.0, max=float(high))
    # For operator sets without Round.
    up = [node("Add", "d half", "a"), node("Floor", "a", "r")]
    nodes = [node("Div", "x s", "d"), *up, clip, node("Mul", "c s")]
    return model_of(nodes, list(VALUES.shape), {"s": F32(0.4), "half": F32(0.5), **ends}, opset)


def quant(bits: int) -> ModelProto:
    settings = {"signed": 0, "narrow": 0, "rounding_mode": "ROUND", "domain": "qonnx.custom_op.general"}
    constants = {"s": F32(0.4), "z": F32(0), "b": F32(bits)}
    made = model_of([node("Quant", "x s z b", **settings)], list(VALUES.shape), constants)
    made.opset_import.append(helper.make_opsetid("qonnx.custom_op.general", 1))
    return made


def gradient(made: ModelProto, surrogate: str) -> Tensor:
    inputs = torch.from_numpy(VALUES).requires_grad_()
    scores = with_surrogate(imported(made), Surrogate.parse(surrogate))(inputs)
    weights = torch.randn(scores.shape, generator=torch.Generator().manual_seed(0))
    return torch.autograd.grad((scores * weights).sum(), inputs)[0]


@pytest.mark.parametrize("surrogate", ["identity", "clipped", "triangular", "tanh:2", "arctan:0.5:layer"])
@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("opset", [10, 11, 17])
def test_a_clip_behind_takes_no_gradient_away(opset: int, bits: int, surrogate: str) -> None:
    made = written(opset, bits)
    expected = gradient(quant(bits), surrogate)
    assert expected.any()
    assert torch.equal(gradient(made, surrogate), expected)
    np.testing.assert_array_equal(imported(made)(torch.from_numpy(VALUES)).numpy(), by_runtime(made, VALUES))
