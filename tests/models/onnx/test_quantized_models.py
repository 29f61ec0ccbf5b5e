"""Whole networks quantized by ONNX Runtime's own quantizer, and a public one of Brevitas where it is at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.onnx.load import load_onnx
from tests.networks.quantized import Recipe, export, images, measure, network, quantize
from tests.paths import SHARED

SHARED_DATA = SHARED / "data"
MNIST = SHARED_DATA / "mnist" / "MNIST" / "raw"

RECIPES = [
    Recipe("qdq", "int8", "uint8", per_channel=True),
    Recipe("qdq", "uint8", "uint8", per_channel=True),
    Recipe("qoperator", "int8", "int8"),
    Recipe("qoperator", "int8", "uint8", per_channel=True),
    Recipe("dynamic", "uint8"),
]


@pytest.fixture(scope="module", params=["vgg16", "mobilenet_v2"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    """A network that has learned for half a minute, and its float file."""
    built = network(request.param)
    path = tmp_path_factory.mktemp("quantized") / "float.onnx"
    export(built, path)
    return built, path


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_against_onnx_runtime(trained: tuple[nn.Module, Path], recipe: Recipe, tmp_path: Path) -> None:
    built, source = trained
    path = tmp_path / "quantized.onnx"
    quantize(source, path, recipe)
    found = measure(path, built, 1000)
    assert found.equal >= 0.999
    assert found.finite, "a gradient for every image"
    assert found.cosine > 0.9
    facts = load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu")).facts
    assert (facts.weight_bits, facts.activation_bits) == (8, 8)
    assert len(facts.quantizers) > 10


def test_images_are_those_of_their_seed() -> None:
    assert torch.equal(images(3, 5)[0], images(3, 5)[0])
    assert not torch.equal(images(3, 5)[0], images(3, 6)[0])


@pytest.mark.skipif(not MNIST.exists(), reason="the public QONNX model and MNIST are not here")
def test_two_bit_qonnx_model() -> None:
    """Its stated accuracy is 96.60 %; the copy and the standard nodes in ONNX Runtime agree to the bit."""
    path = SHARED_DATA / "mnist_tfc_2w2a_qonnx.onnx"
    target = load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))
    pixels = np.frombuffer((MNIST / "t10k-images-idx3-ubyte").read_bytes(), np.uint8, offset=16)
    values = torch.from_numpy(pixels.reshape(-1, 1, 28, 28).astype(np.float32) / 255)
    labels = torch.from_numpy(
        np.frombuffer((MNIST / "t10k-labels-idx1-ubyte").read_bytes(), np.uint8, offset=8).astype(np.int64)
    )
    with torch.no_grad():
        scores = target.logits(values)
    assert float((scores.argmax(1) == labels).float().mean()) == pytest.approx(0.966, abs=0.004)
    torch.testing.assert_close(target.deployed(values[:1000]), scores[:1000], rtol=1e-6, atol=1e-6)
    assert (target.facts.weight_bits, target.facts.activation_bits) == (2, 2)
    assert target.facts.fixed_batch == 1
    inputs = values[:20].clone().requires_grad_()
    target.logits(inputs).logsumexp(1).sum().backward()
    assert inputs.grad is not None
    assert float(inputs.grad.flatten(1).abs().amax(1).min()) > 0
