"""Binary weights at one bit each."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bnnaudit.core.errors import CheckpointError
from bnnaudit.models.checkpoint.packed_weights import KEY, packed
from bnnaudit.models.checkpoint.state_dict import read_state_dict


def signs(*shape: int) -> torch.Tensor:
    return torch.randint(2, shape, generator=torch.Generator().manual_seed(0)).float() * 2 - 1


def written(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    tensors, metadata = packed(weights)
    save_file(tensors, path, metadata)
    return path


def test_bits_by_hand() -> None:
    tensors, metadata = packed({"w": torch.tensor([[1.0, -1.0, -1.0, -1.0, 1.0], [1.0, -1.0, 1.0, -1.0, -1.0]])})
    assert tensors["w"].tolist() == [0b10001101, 0b00000000]
    assert json.loads(metadata[KEY]) == {"w": [2, 5]}


@pytest.mark.parametrize("shape", [(3, 5), (8, 8), (4, 3, 3, 3), (1, 1)])
def test_they_come_back_to_the_bit(shape: tuple[int, ...], tmp_path: Path) -> None:
    scale = torch.rand(shape[0]) + 0.5
    scaled = signs(*shape) * scale.reshape(-1, *(1,) * (len(shape) - 1))
    weights = {"plain": signs(*shape), "scaled": scaled, "bias": torch.ones(3), "float": torch.randn(2, 4)}
    _, back = read_state_dict(written(tmp_path / "net.safetensors", weights))
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[name], weights[name]) for name in weights)


def test_a_tensor_named_like_a_scale_is_not_taken_for_one(tmp_path: Path) -> None:
    weights = {"w": signs(3, 5), "w.scale": torch.tensor([2.0, 3.0, 4.0])}
    _, back = read_state_dict(written(tmp_path / "net.safetensors", weights))
    assert all(torch.equal(back[name], weights[name]) for name in weights)


def test_a_weight_takes_one_bit(tmp_path: Path) -> None:
    path = written(tmp_path / "net.safetensors", {"w": signs(512, 512)})
    assert path.stat().st_size < 512 * 512 / 8 + 300


def test_what_is_not_binary_is_left_as_it_is() -> None:
    weights = {"ternary": torch.tensor([[1.0, 0.0, -1.0]]), "vector": torch.ones(4), "zero": torch.zeros(2, 2)}
    tensors, metadata = packed(weights)
    assert metadata == {}
    assert all(torch.equal(tensors[name], weights[name]) for name in weights)


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ("[", "not shapes by names"),
        ('{"w": [4, 0]}', "not shapes by names"),
        ('{"w": [4, true]}', "not shapes by names"),
        ('{"w": 8}', "not shapes by names"),
        ('{"w": [4, 4]}', "not the packed signs of 4x4"),
        ('{"other": [4, 2]}', "not the packed signs"),
        ('{"w": [2000000000, 2000000000]}', "bytes, more than"),
        ('{"f": [1, 3]}', "not the packed signs"),
    ],
)
def test_metadata_that_do_not_fit(stated: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file({"w": torch.zeros(1, dtype=torch.uint8), "f": torch.zeros(3)}, path, {KEY: stated})
    with pytest.raises(CheckpointError, match=reason):
        read_state_dict(path)


def test_a_scale_of_another_length(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    tensors = {"w": torch.zeros(1, dtype=torch.uint8), "w.scale": torch.ones(3)}
    save_file(tensors, path, {KEY: '{"w": [2, 4]}'})
    with pytest.raises(CheckpointError, match="scale"):
        read_state_dict(path)


def test_other_readers_see_bytes(tmp_path: Path) -> None:
    held = load_file(written(tmp_path / "net.safetensors", {"w": signs(2, 8)}))
    assert np.unpackbits(held["w"].numpy()).tolist() == ((signs(2, 8).reshape(-1) + 1) / 2).tolist()
