"""Binary weights in four bits: the file is smaller, ONNX Runtime computes the same bits, and an audit finds one bit."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.quantization.layers import deploy
from bnnaudit.zoo.architectures import ARCHITECTURES
from bnnaudit.zoo.train.export import onnx_bytes

CPU = torch.device("cpu")


def network() -> nn.Module:
    torch.manual_seed(0)
    made = ARCHITECTURES["cnn"](channels=[5, 8], weights="binary", activations="binary", weight_scale="mean")
    with torch.no_grad():
        made(torch.rand(50, 1, 8, 8))
    return deploy(made)


def scores(content: bytes, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {"images": images})[0]


def test_onnx_runtime_computes_the_same_bits() -> None:
    images = np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32)
    wide, narrow = (onnx_bytes(network(), (1, 8, 8), pack) for pack in (False, True))
    assert np.array_equal(scores(wide, images), scores(narrow, images))
    assert len(wide) - len(narrow) > 0.6 * 4 * sum(p.numel() for p in network().parameters() if p.dim() > 1)


def test_values_by_hand() -> None:
    """Signs of 5 x 1 x 3 x 3 weights: an odd number of them, two in a byte."""
    made = network()
    model = onnx.load_from_string(onnx_bytes(made, (1, 8, 8), True))
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    first = next(node for node in model.graph.node if node.op_type == "Conv")
    source = next(node for node in model.graph.node if first.input[1] in node.output)
    codes, scale = (held[name] for name in source.input)
    assert np.array_equal(codes.astype(np.float32), made[0].weight.detach().sign().numpy())
    assert scale.shape == (5,)


def test_an_audit_finds_one_bit(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_bytes(network(), (1, 8, 8), True))
    target = load_onnx(path, Preprocessing(), Surrogate(), CPU)
    assert {layer.bits for layer in target.facts.weight_layers} == {1}
    images = torch.rand(20, 1, 8, 8)
    torch.testing.assert_close(target.logits(images), target.deployed(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("weights", ["float", "ternary"])
def test_other_weights_stay_as_they_are(weights: str) -> None:
    torch.manual_seed(0)
    made = ARCHITECTURES["mlp"](weights=weights)
    with torch.no_grad():
        made(torch.rand(50, 64))
    model = onnx.load_from_string(onnx_bytes(deploy(made), (1, 8, 8), True))
    assert not any(
        node.name.endswith(".dequantize") and node.op_type == "DequantizeLinear" for node in model.graph.node
    )
