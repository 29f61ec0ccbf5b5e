"""Every kind of network as ONNX: ONNX Runtime computes what torch does, and the importer finds the quantizers again."""

from pathlib import Path

import pytest
import torch
from torch import nn

from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.quantization.layers import deploy
from bnnaudit.quantization.quantizers import Quantizer
from bnnaudit.zoo.architectures import ARCHITECTURES
from bnnaudit.zoo.train.export import onnx_bytes

KINDS = [
    ("float", "relu", 32, 32),
    ("binary", "relu", 1, 32),
    ("binary", "binary", 1, 1),
    ("ternary", "relu", 2, 32),
    ("ternary", "uniform2", 2, 2),
    ("uniform2", "uniform2", 2, 2),
    ("uniform4", "uniform4", 4, 4),
    ("uniform8", "uniform8", 8, 8),
    ("float", "binary", 32, 1),
]
"""Weights, activations, and the bits of each that a file has."""
NETWORKS = [
    ("resnet18", {"width": 4}, (3, 32, 32), "binary", 1),
    ("vgg16", {"width": 4}, (3, 32, 32), "binary", 1),
    ("mobilenet_v2", {"width": 4}, (3, 32, 32), "binary", 1),
    ("mobilenet_v2", {"width": 4}, (3, 32, 32), "uniform4", 4),
    ("lenet", {"hidden": (20,)}, (1, 28, 28), "uniform4", 4),
    ("mlp", {"hidden": (30,)}, (1, 8, 8), "binary", 1),
]


def agreed(network: nn.Module, shape: tuple[int, ...], path: Path) -> ModelFacts:
    """The file's facts, once torch, ONNX Runtime and the copy that attacks climb agree on random images."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):  # normalisations that have seen images
        network(torch.rand(16, *shape, generator=generator))
    deployed = deploy(network)
    path.write_bytes(onnx_bytes(deployed, shape))
    target = load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))
    images = torch.rand(16, *shape, generator=generator)
    with torch.no_grad():
        expected = deployed(images)
        scale = float(expected.abs().max())
        same = (target.deployed(images) - expected).abs().amax(dim=1) <= 1e-4 * scale
        copied = (target.logits(images) - expected).abs().amax(dim=1) <= 1e-4 * scale
    # Sums at a threshold may fall on either side of it.
    assert same.sum() >= 15
    assert copied.sum() >= 15
    return target.facts


@pytest.mark.parametrize(("weights", "activations", "weight_bits", "activation_bits"), KINDS)
def test_every_kind(weights: str, activations: str, weight_bits: int, activation_bits: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = ARCHITECTURES["cnn"](channels=(8, 8), weights=weights, activations=activations)
    facts = agreed(network, (1, 8, 8), tmp_path / "network.onnx")
    assert (facts.weight_bits, facts.activation_bits) == (weight_bits, activation_bits)
    assert len(facts.quantizers) == (2 if activation_bits < 32 else 0)


@pytest.mark.parametrize(("name", "options", "shape", "kind", "bits"), NETWORKS)
def test_every_architecture(
    name: str, options: dict, shape: tuple[int, ...], kind: str, bits: int, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = ARCHITECTURES[name](weights=kind, activations=kind, **options)
    facts = agreed(network, shape, tmp_path / "network.onnx")
    assert (facts.weight_bits, facts.activation_bits) == (bits, bits)
    assert len(facts.quantizers) == sum(isinstance(module, Quantizer) for module in network.modules())
