"""Checkpoints of PyTorch's own quantization: each is told the way to ONNX, in one line; the others load as ever."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bnnaudit.core.errors import CheckpointError
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.checkpoint.fit_weights import fit_weights
from bnnaudit.models.checkpoint.state_dict import read_state_dict
from bnnaudit.models.onnx.load import load_onnx
from tests.paths import SHARED

CASES = SHARED / "cases" / "torch_quantized"
shared = pytest.mark.skipif(not CASES.exists(), reason=f"no checkpoints in {CASES}")


def quantized() -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.linspace(-1, 1, 6).view(2, 3), 0.01, 0, torch.qint8)


PACKED = {
    "0.weight": torch.zeros(2, 3),
    "1.scale": torch.ones(()),
    "1._packed_params._packed_params": (torch.zeros(1),),
}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_quantized_state_dicts_are_told_the_way(tmp_path: Path, packed: bool, wrapped: bool) -> None:
    weights = PACKED if packed else {"w": quantized()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save({"extra": weights} if wrapped else weights, tmp_path / "m.pth")
    with pytest.raises(CheckpointError, match=r"PyTorch-quantized .* torch\.onnx\.export\(") as caught:
        read_state_dict(tmp_path / "m.pth")
    assert "\n" not in str(caught.value)


def test_a_network_prepared_for_quantization_is_recognised() -> None:
    network = nn.Sequential(nn.Linear(3, 2))
    weights = {**network.state_dict(), "0.weight_fake_quant.fake_quant_enabled": torch.ones(1)}
    with pytest.raises(CheckpointError, match="quantization-aware training"):
        fit_weights(weights, network, "m.pth")
    with pytest.raises(CheckpointError) as caught:
        fit_weights({**network.state_dict(), "1.weight": torch.ones(1)}, network, "m.pth")
    assert "quantization" not in str(caught.value)


@shared
@pytest.mark.parametrize("name", ["static_int8_state", "dynamic_int8_state"])
def test_state_dicts_of_eager_quantization(name: str) -> None:
    with pytest.raises(CheckpointError, match=r"PyTorch-quantized .* torch\.onnx\.export\("):
        read_state_dict(CASES / f"{name}.pth")


@shared
@pytest.mark.parametrize("name", ["whole_model", "script"])
def test_programs_are_told_the_way(name: str) -> None:
    with pytest.raises(CheckpointError, match=r"save model\.state_dict\(\)"):
        read_state_dict(CASES / f"{name}.pt")


@shared
@pytest.mark.parametrize("name", ["float_state", "trainer", "dataparallel_net"])
def test_float_weights_are_found_in_every_wrapping(name: str) -> None:
    plain, found = (read_state_dict(CASES / f"{file}.pth")[1] for file in ("float_state", name))
    bare = {key.removeprefix("module."): tensor for key, tensor in found.items()}
    assert bare.keys() == plain.keys()
    assert all(tensor.equal(bare[key]) for key, tensor in plain.items())


@shared
def test_the_export_that_is_advised_can_be_audited() -> None:
    target = load_onnx(CASES / "static_int8_ts.onnx", Preprocessing(), Surrogate(), torch.device("cpu"))
    images = torch.from_numpy(np.load(CASES / "x.npz")["x"][:50])
    assert (target.facts.weight_bits, target.facts.activation_bits) == (8, 8)
    assert torch.allclose(target.logits(images), target.deployed(images), atol=1e-5)
