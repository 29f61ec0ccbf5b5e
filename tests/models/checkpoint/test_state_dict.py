"""Checkpoints from anywhere: what is read, and that nothing in them ever runs."""

import argparse
import pickle
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from bnnaudit.core.errors import CheckpointError
from bnnaudit.core.facts import ModelFormat
from bnnaudit.models.checkpoint.state_dict import read_state_dict

WEIGHTS = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.tensor([1.0, -1.0])}


def same(read: dict[str, Tensor]) -> bool:
    return read.keys() == WEIGHTS.keys() and all(read[name].equal(WEIGHTS[name]) for name in WEIGHTS)


def test_safetensors(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "m.safetensors")
    kind, read = read_state_dict(tmp_path / "m.safetensors")
    assert kind is ModelFormat.SAFETENSORS
    assert same(read)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".ckpt"])
@pytest.mark.parametrize(
    "wrapped",
    [
        WEIGHTS,
        {"state_dict": WEIGHTS, "epoch": 3, "optimizer": {"lr": 0.1}},
        {"model_state_dict": WEIGHTS},
        {"model": {"state_dict": WEIGHTS}},
        {"net": WEIGHTS, "acc": 0.9},
        {"ema": WEIGHTS},
        {"model": WEIGHTS, "ema": {name: 0 * tensor for name, tensor in WEIGHTS.items()}, "optimizer": {"state": {}}},
        [WEIGHTS],
        (WEIGHTS,),
        [3, WEIGHTS, {"lr": 0.1}],
        {"params": WEIGHTS, "epoch": 3},
    ],
    ids=[
        "plain",
        "state_dict",
        "model_state_dict",
        "nested",
        "net",
        "ema",
        "several",
        "list",
        "tuple",
        "mixed",
        "params",
    ],
)
def test_what_torch_saves_with_the_usual_wrappings(tmp_path: Path, suffix: str, wrapped: dict) -> None:
    torch.save(wrapped, tmp_path / f"m{suffix}")
    kind, read = read_state_dict(tmp_path / f"m{suffix}")
    assert kind is ModelFormat.PYTORCH
    assert same(read)


def test_the_older_file_format_of_torch(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "m.pt", _use_new_zipfile_serialization=False)
    assert same(read_state_dict(tmp_path / "m.pt")[1])


class Payload:
    """Unpickling it would write a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.marker,))


@pytest.mark.parametrize("new_format", [True, False])
def test_code_in_a_pickle_is_named_and_never_run(tmp_path: Path, new_format: bool) -> None:
    marker, path = tmp_path / "ran", tmp_path / "m.pt"
    torch.save({"state_dict": WEIGHTS, "x": Payload(marker)}, path, _use_new_zipfile_serialization=new_format)
    with pytest.raises(CheckpointError, match=r"would run code \(.*\).*save_file") as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)
    assert not marker.exists()
    assert pickle.loads(pickle.dumps(Payload(marker))) is None
    assert marker.exists()


def test_a_bare_pickle_with_code(tmp_path: Path) -> None:
    marker, path = tmp_path / "ran", tmp_path / "m.pth"
    path.write_bytes(pickle.dumps(Payload(marker)))
    with pytest.raises(CheckpointError):
        read_state_dict(path)
    assert not marker.exists()


def test_settings_pickled_beside_the_weights_are_named(tmp_path: Path) -> None:
    torch.save({"state_dict": WEIGHTS, "args": argparse.Namespace(lr=1)}, tmp_path / "m.pt")
    with pytest.raises(CheckpointError, match=r"argparse\.Namespace"):
        read_state_dict(tmp_path / "m.pt")


def test_a_whole_module(tmp_path: Path) -> None:
    torch.save(nn.Sequential(nn.Linear(2, 2)), tmp_path / "m.pt")
    with pytest.raises(CheckpointError, match=r"a whole pickled module \(torch\.nn\.modules\..*state_dict\(\) alone"):
        read_state_dict(tmp_path / "m.pt")


def archive(path: Path, members: tuple[str, ...]) -> Path:
    with zipfile.ZipFile(path, "w") as stream:
        for member in members:
            stream.writestr(f"m/{member}", b"x")
    return path


def test_torchscript(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.zeros(1, 2)), tmp_path / "m.pt")
    with pytest.raises(CheckpointError, match="a TorchScript program"):
        read_state_dict(tmp_path / "m.pt")


@pytest.mark.parametrize("members", [("archive_format", "models/model.json"), ("serialized_exported_program.json",)])
def test_exported_programs(tmp_path: Path, members: tuple[str, ...]) -> None:
    with pytest.raises(CheckpointError, match=r"a torch\.export program"):
        read_state_dict(archive(tmp_path / "m.pt", members))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "the file is empty"), (b"hello\n", "not a "), (b"PK\x03\x04", "not a "), (bytes(100), "not a ")],
    ids=["empty", "text", "zip", "zeros"],
)
def test_files_that_are_no_checkpoint(tmp_path: Path, suffix: str, content: bytes, message: str) -> None:
    path = tmp_path / f"m{suffix}"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message) as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("new_format", [True, False])
def test_truncated_files(tmp_path: Path, share: float, new_format: bool) -> None:
    path = tmp_path / "m.pt"
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=new_format)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(CheckpointError):
        read_state_dict(path)


def test_a_truncated_safetensors_file(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file(WEIGHTS, path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"epoch": 3, "lr": 0.1}, r"no state dict in it \(it holds epoch, lr\)"),
        ({}, r"it holds nothing"),
        ([1, 2], r"no state dict in it \(it holds int, int\)"),
        ([], "it holds nothing"),
        ([WEIGHTS, WEIGHTS], "2 state dicts in it"),
        ({"generator": WEIGHTS, "critic": WEIGHTS}, r"2 state dicts in it .* \(it holds generator, critic\)"),
        (torch.zeros(3), "holds a Tensor"),
    ],
)
def test_checkpoints_without_a_state_dict(tmp_path: Path, stored: object, message: str) -> None:
    torch.save(stored, tmp_path / "m.pt")
    with pytest.raises(CheckpointError, match=message):
        read_state_dict(tmp_path / "m.pt")


def test_missing_and_unknown_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        read_state_dict(tmp_path / "m.pt")
    (tmp_path / "m.txt").write_text("x")
    with pytest.raises(CheckpointError, match="not a supported kind of checkpoint"):
        read_state_dict(tmp_path / "m.txt")
