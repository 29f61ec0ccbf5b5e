"""Checkpoints as whole files: what is refused before torch reads them, and that weights come out as they went in."""

import io
import struct
import time
import zipfile
from pathlib import Path

import pytest
import torch

from bnnaudit.core.errors import CheckpointError
from bnnaudit.models.checkpoint.state_dict import read_state_dict
from tests.models.checkpoint.hostile_pickles import HOSTILE, ORDERED, PROTOCOL, in_the_old_format, zipped

WEIGHTS = {"w": torch.arange(1000.0)}


def written(path: Path, old: bool = False) -> Path:
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=not old)
    return path


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("old", [False, True], ids=["zip", "old"])
def test_hostile_pickles_never_reach_torch(
    tmp_path: Path, name: str, old: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(in_the_old_format(HOSTILE[name]) if old else zipped(HOSTILE[name]))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was given to torch"))
    start = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)
    assert time.process_time() - start < 20


def test_compressed_members_are_refused(tmp_path: Path) -> None:
    """torch.save never compresses, and what maps a file into memory would take the packed bytes for weights."""
    path = tmp_path / "m.pt"
    path.write_bytes(zipped(PROTOCOL + b"}.", zipfile.ZIP_DEFLATED, **{"data/0": bytes(10**7)}))
    with pytest.raises(CheckpointError, match="compressed"):
        read_state_dict(path)


def test_a_zip_in_two_readings_is_refused(tmp_path: Path) -> None:
    """torch takes names in any case, so `DATA.PKL` could be read where `data.pkl` was checked."""
    path = tmp_path / "m.pt"
    path.write_bytes(zipped(PROTOCOL + b"}.", **{"DATA.PKL": HOSTILE["code"]}))
    with pytest.raises(CheckpointError, match="twice"):
        read_state_dict(path)


def test_an_old_pickle_with_a_zip_after_it_is_checked_as_torch_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    harmless = written(tmp_path / "other.pt").read_bytes()
    path.write_bytes(in_the_old_format(HOSTILE["a key that doubles"]) + harmless)
    with pytest.raises(CheckpointError, match="hash"):
        read_state_dict(path)


def test_more_values_stated_than_held(tmp_path: Path) -> None:
    path = written(tmp_path / "m.pt", old=True)
    path.write_bytes(path.read_bytes().replace(b"M\xe8\x03", b"J\x00\x00\x00\x40"))
    with pytest.raises(CheckpointError, match="states 4,294,967,296 bytes"):
        read_state_dict(path)
    path = written(tmp_path / "m.pt")
    with zipfile.ZipFile(path) as archive:
        members = {entry.filename.partition("/")[2]: archive.read(entry) for entry in archive.infolist()}
    pickled = members.pop("data.pkl").replace(b"M\xe8\x03", b"J\x00\x00\x00\x40")
    path.write_bytes(zipped(pickled, **{name: content for name, content in members.items() if name != "version"}))
    with pytest.raises(CheckpointError, match=r"states 1,073,741,824 values"):
        read_state_dict(path)


def test_a_number_repeated_to_any_size(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    torch.save({"w": torch.ones(1).expand(10**6, 10**6)}, path)
    with pytest.raises(CheckpointError, match="repeats 4 bytes"):
        read_state_dict(path)
    torch.save({"w": torch.ones(1).expand(3, 2)}, path)
    assert read_state_dict(path)[1]["w"].equal(torch.ones(3, 2))


def test_attributes_do_not_stand_in_for_methods(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(zipped(PROTOCOL + ORDERED + b")R}X\x03\x00\x00\x00getK\x01sb."))
    with pytest.raises(CheckpointError, match="no state dict in it"):
        read_state_dict(path)
    tensor = torch.nn.Parameter(torch.ones(2))
    tensor.float = 7  # type: ignore[assignment, method-assign]
    torch.save({"w": tensor}, path)
    read = read_state_dict(path)[1]["w"]
    assert type(read) is torch.Tensor
    assert read.float().equal(torch.ones(2))


def test_integers_of_many_digits_as_keys(tmp_path: Path) -> None:
    path = tmp_path / "m.pt"
    path.write_bytes(zipped(PROTOCOL + b"}\x8a\xff" + b"\x7f" * 255 + b"K\x01s."))
    with pytest.raises(CheckpointError, match="it holds int"):
        read_state_dict(path)


@pytest.mark.parametrize(
    "header",
    [
        '{"w":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}}',
        '{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}',
        '{"w":{"dtype":"F32","shape":[18446744073709551615,2],"data_offsets":[0,4]}}',
        '{"w":{"dtype":"??","shape":[1],"data_offsets":[0,4]}}',
        "[" * 10_000,
        "",
    ],
)
def test_broken_headers_of_safetensors(tmp_path: Path, header: str) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header.encode() + bytes(4))
    with pytest.raises(CheckpointError, match="not a readable safetensors file"):
        read_state_dict(path)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.bool, torch.float8_e4m3fn]
)
def test_weights_come_out_as_they_went_in(tmp_path: Path, dtype: torch.dtype, old: bool) -> None:
    weights = {"w": torch.arange(6).reshape(2, 3).to(dtype).T, "parameter": torch.nn.Parameter(torch.ones(2))}
    if old and dtype is torch.float8_e4m3fn:
        pytest.skip("the older format has no such type")
    torch.save({"state_dict": weights}, tmp_path / "m.pt", _use_new_zipfile_serialization=not old)
    read = read_state_dict(tmp_path / "m.pt")[1]
    assert all(read[name].float().equal(weights[name].float()) for name in weights)
    assert read["w"].dtype is dtype


def test_what_is_checked_costs_little(tmp_path: Path) -> None:
    weights = {f"layer{number}.weight": torch.ones(2) for number in range(1000)}
    torch.save(weights, tmp_path / "m.pt")
    buffer = io.BytesIO((tmp_path / "m.pt").read_bytes())
    start = time.process_time()
    torch.load(buffer, weights_only=True)
    plain = time.process_time() - start
    start = time.process_time()
    assert len(read_state_dict(tmp_path / "m.pt")[1]) == 1000
    assert time.process_time() - start < 20 * plain + 1
