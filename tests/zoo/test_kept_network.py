"""Networks in the user's cache: what is kept comes back to the bit, and nothing else does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from bnnaudit.zoo import kept_network
from bnnaudit.zoo.kept_network import DIGEST, HEADER, keep, place_of, read_kept


def layer(seed: int = 0, inputs: int = 3) -> nn.Linear:
    made = nn.Linear(inputs, 2)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return made


def equal(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(left, right) for left, right in pairs)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = place_of("nets", "ab12")
    assert found == tmp_path / "cache" / "bnnaudit" / "nets" / "ab12.safetensors"
    return found


def test_there_and_back(place: Path) -> None:
    other = layer(1)
    assert not read_kept(place, other)
    assert equal(other, layer(1))
    keep(place, layer(0))
    assert read_kept(place, other)
    assert equal(other, layer(0))
    assert [path.name for path in place.parent.iterdir()] == ["ab12.safetensors"]


def cut(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:-1])


def flipped(place: Path) -> None:
    data = bytearray(place.read_bytes())
    data[-1] ^= 1
    place.write_bytes(data)


def empty(place: Path) -> None:
    place.write_bytes(b"")


def enormous(place: Path) -> None:
    with place.open("ab") as stream:
        stream.truncate(HEADER + 10_000)


def a_pickle(place: Path) -> None:
    torch.save(layer(0).state_dict(), place)


def of_another_place(place: Path) -> None:
    keep(place.with_name("cd34.safetensors"), layer(0))
    place.with_name("cd34.safetensors").replace(place)


def of_another_shape(place: Path) -> None:
    keep(place, layer(0, inputs=4))


def of_another_type(place: Path) -> None:
    keep(place, layer(0).half())


def not_finite(place: Path) -> None:
    broken = layer(0)
    with torch.no_grad():
        broken.weight[0, 0] = torch.nan
    keep(place, broken)


def without_a_digest(place: Path) -> None:
    save_file({name: value for name, value in load_file(place).items() if name != DIGEST}, place)


def a_pipe(place: Path) -> None:
    place.unlink()
    os.mkfifo(place)


def a_folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


DAMAGE = [
    cut,
    flipped,
    empty,
    enormous,
    a_pickle,
    of_another_place,
    of_another_shape,
    of_another_type,
    not_finite,
    without_a_digest,
    a_pipe,
    a_folder,
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_or_of_another_network_is_not_taken(place: Path, damage: Callable[[Path], None]) -> None:
    keep(place, layer(0))
    damage(place)
    other = layer(1)
    assert not read_kept(place, other)
    assert equal(other, layer(1)), "the network is as it was"


@pytest.mark.parametrize("damage", [each for each in DAMAGE if each is not a_folder])
def test_and_is_replaced(place: Path, damage: Callable[[Path], None]) -> None:
    keep(place, layer(0))
    damage(place)
    keep(place, layer(2))
    other = layer(1)
    assert read_kept(place, other)
    assert equal(other, layer(2))


def test_where_nothing_can_be_written_nothing_is_kept(place: Path) -> None:
    place.parent.parent.mkdir(parents=True)
    place.parent.write_text("a file where the folder would be")
    keep(place, layer(0))
    assert not read_kept(place, layer(1))


def test_a_user_without_a_home_folder_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(kept_network, "cache_folder", lambda: Path("~/.cache/bnnaudit"))
    keep(place_of("nets", "ab12"), layer(0))
    assert list(tmp_path.iterdir()) == []


def test_of_several_writers_none_harms_a_reader(place: Path) -> None:
    """Every reader finds one of the networks whole, whoever is writing."""
    keep(place, layer(0))
    found: list[bool] = []

    def write(seed: int) -> None:
        for _ in range(20):
            keep(place, layer(seed))

    def read() -> None:
        for _ in range(60):
            other = layer(9)
            found.append(read_kept(place, other) and any(equal(other, layer(seed)) for seed in range(3)))

    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(3)]
    threads += [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 120
    assert [path.name for path in place.parent.iterdir()] == [place.name]
