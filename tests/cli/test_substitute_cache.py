"""The substitute of the transfer check is trained once for a model, its images and a seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bnnaudit.auditing.open import open_model_and_data, substitute_maker
from bnnaudit.config.card import parse_settings
from bnnaudit.models.checkpoint.module import GivenModule
from bnnaudit.zoo import substitute
from bnnaudit.zoo.architectures import ARCHITECTURES
from tests.cli.conftest import Ran, write_model

Bnnaudit = Callable[..., Ran]
CHECK = ("check", "tiny.onnx", "--data", "images.npz", "--samples", "8", "--eps", "0.1", "--format", "json")
ATTACK = ("attack", "tiny.onnx", "--data", "images.npz", "--samples", "8", "--method", "transfer", "--format", "json")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "bnnaudit" / "substitutes"


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An entry for each substitute that is trained."""
    found: list[int] = []
    train = substitute._train

    def counted(*arguments: Any) -> None:
        found.append(len(found))
        train(*arguments)

    monkeypatch.setattr(substitute, "_train", counted)
    return found


@pytest.fixture(autouse=True)
def _folder(model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def without_times(ran: Ran) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(ran.out)
    document.pop("created")
    for row in document["attacks"]:
        row.pop("seconds")
    return document


def test_the_second_check_reads_it_and_gives_the_same_report(
    bnnaudit: Bnnaudit, cache: Path, trained: list[int]
) -> None:
    first = bnnaudit(*CHECK)
    assert (trained, len(list(cache.iterdir()))) == ([0], 1)
    second = bnnaudit(*CHECK)
    assert trained == [0]
    assert without_times(first) == without_times(second)
    assert any(row["source"] == "substitute" for row in without_times(second)["attacks"])
    assert "cache" not in second.err
    assert without_times(second)["substitute"]["path"] == ""


def test_whoever_wants_to_know_is_told(bnnaudit: Bnnaudit, cache: Path) -> None:
    words = "substitute network from the cache"
    assert words not in bnnaudit(*CHECK, "--verbose").err
    assert bnnaudit(*CHECK, "--verbose").err.count(words) == 1


def test_an_attack_reads_what_a_check_kept(bnnaudit: Bnnaudit, cache: Path, trained: list[int]) -> None:
    bnnaudit(*CHECK)
    bnnaudit(*ATTACK)
    assert trained == [0]
    assert bnnaudit(*ATTACK, "--seed", "1").code == 0
    assert trained == [0, 1]


def test_another_file_has_another_substitute(bnnaudit: Bnnaudit, cache: Path, trained: list[int]) -> None:
    """Whatever it is called: what counts is what is in it, and what it is given."""
    bnnaudit(*ATTACK)
    Path("tiny.onnx").rename("other.onnx")
    other = ("attack", "other.onnx", *ATTACK[2:])
    bnnaudit(*other)
    assert trained == [0]
    bnnaudit(*other, "--mean", "0.1")
    assert trained == [0, 1]
    write_model(Path("other.onnx"), scale=3.0)
    bnnaudit(*other)
    assert trained == [0, 1, 2]


@pytest.mark.parametrize("command", [CHECK, ATTACK])
def test_no_cache_neither_reads_nor_keeps(
    bnnaudit: Bnnaudit, cache: Path, trained: list[int], command: tuple[str, ...]
) -> None:
    bnnaudit(*command, "--no-cache")
    assert (trained, cache.exists()) == ([0], False)
    bnnaudit(*command)
    kept = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    bnnaudit(*command, "--no-cache")
    assert trained == [0, 1, 2]
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == kept


def test_a_given_network_is_named_and_none_is_trained(bnnaudit: Bnnaudit, cache: Path, trained: list[int]) -> None:
    """The model itself, under another name, agrees with itself."""
    write_model(Path("twin.onnx"), scale=1.0)
    found = without_times(bnnaudit(*CHECK, "--substitute", "twin.onnx"))["substitute"]
    assert (trained, cache.exists()) == ([], False)
    assert (Path(found["path"]).name, found["accuracy"], found["agreement"]["value"]) == ("twin.onnx", None, 1.0)
    assert len(found["sha256"]) == 64
    assert "the substitute network twin.onnx" in bnnaudit(*CHECK[:-2], "--substitute", "twin.onnx", "-v").out


@pytest.mark.parametrize("kind", ["module", "own code", "built in"])
def test_a_network_made_by_code_keeps_none(cache: Path, trained: list[int], kind: str, tmp_path: Path) -> None:
    """No digest says what its code does; that of a built-in network does not change."""
    network = ARCHITECTURES["mlp"](in_features=16, classes=3)
    torch.save(network.state_dict(), tmp_path / "net.pth")
    np.savez(tmp_path / "pictures.npz", x=np.random.default_rng(0).random((20, 1, 4, 4), dtype=np.float32))
    architecture: dict[str, Any] = {
        "name": "mlp",
        "options": {"in_features": 16, "classes": 3},
        "input_shape": [1, 4, 4],
    }
    if kind == "own code":
        (tmp_path / "own_nets.py").write_text(
            "from bnnaudit.zoo.architectures import ARCHITECTURES\n"
            "def perceptron(**options):\n    return ARCHITECTURES['mlp'](**options)\n"
        )
        architecture["name"] = "own_nets:perceptron"
    settings = parse_settings(
        {"data": {"source": str(tmp_path / "pictures.npz")}, "architecture": architecture}, "test"
    )
    given = GivenModule(network, "net") if kind == "module" else tmp_path / "net.pth"
    for _ in range(2):
        opened = open_model_and_data(given, settings)
        substitute_maker(opened)(opened.target)
    assert trained == ([0] if kind == "built in" else [0, 1])
    assert cache.exists() == (kind == "built in")
