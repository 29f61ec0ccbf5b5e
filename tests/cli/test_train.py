"""`bnnaudit train`: what is said while it trains, and how it ends."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from tests.paths import ROOT
from tests.zoo.train.pictures import pictures

Bnnaudit = Callable[..., Ran]

RECIPE = """
name = "net"
description = "a test"
[architecture]
name = "mlp"
options = { hidden = [8] }
[data]
held_out = 1500
[training]
epochs = EPOCHS
[export]
formats = ["safetensors"]
[card]
eps = 0.1
"""


def recipe(folder: Path, epochs: int) -> Path:
    path = folder / "recipe.toml"
    path.write_text(RECIPE.replace("EPOCHS", str(epochs)), encoding="utf-8")
    return path


def test_what_is_made_is_listed(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    ran = bnnaudit("train", recipe(tmp_path, 2), "--output", tmp_path / "made", "--quiet")
    assert (ran.code, ran.err) == (0, "")
    first, *files, then, command = ran.out.splitlines()
    assert first.startswith("net: clean accuracy ")
    told = {path: what for path, what in (line.split(maxsplit=1) for line in files)}
    assert told == {
        str(tmp_path / "made" / name): what
        for name, what in {
            "net.safetensors": "network",
            "digits-test.npz": "held-out images",
            "net-log.jsonl": "log of loss and accuracy by epoch",
            "net.toml": "card: how to audit the network",
            "recipes/net.toml": "copy of the recipe",
        }.items()
    }
    assert all(Path(path).is_file() for path in told)
    assert (then, command) == ("Audit it:", f"  bnnaudit check {tmp_path / 'made' / 'net.safetensors'}")


def test_training_again_replaces_what_training_made(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    words = ("train", recipe(tmp_path, 1), "--output", tmp_path / "made", "--quiet")
    assert bnnaudit(*words).code == 0
    before = (tmp_path / "made" / "net.safetensors").read_bytes()
    assert bnnaudit(*words).code == 0
    assert (tmp_path / "made" / "net.safetensors").read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_checkpoint_and_the_same_command_goes_on(
    bnnaudit: Bnnaudit, number: signal.Signals, tmp_path: Path
) -> None:
    path, made = recipe(tmp_path, 40), tmp_path / "made"
    words = [sys.executable, "-m", "bnnaudit", "train", str(path), "--output", str(made)]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    unfinished, log = made / "net-unfinished.jsonl", made / "net-log.jsonl"
    until = time.monotonic() + 120
    while not unfinished.exists() and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (3, "")
    checkpoint = made / "net.checkpoint"
    assert err.splitlines()[-1] == f"bnnaudit: interrupted; the same command goes on from {checkpoint}"
    assert checkpoint.is_file()
    assert not (made / "net.safetensors").exists()
    done = len(unfinished.read_text().splitlines()) - 1
    assert 0 < done < 40
    assert bnnaudit("train", path, "--output", made, "--quiet").code == 0
    rows = [json.loads(line) for line in log.read_text().splitlines()[1:-1]]
    assert [row["epoch"] for row in rows] == list(range(1, 41))
    assert not checkpoint.exists()
    assert not unfinished.exists()
    assert bnnaudit("train", path, "--output", tmp_path / "whole", "--quiet").code == 0
    assert (tmp_path / "whole" / "net.safetensors").read_bytes() == (made / "net.safetensors").read_bytes()


def test_another_recipe_does_not_go_on_from_a_checkpoint(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    (tmp_path / "net.checkpoint").write_bytes(b"")
    ran = bnnaudit("train", recipe(tmp_path, 1), "--output", tmp_path, "--quiet")
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "--restart trains anew" in ran.err
    assert bnnaudit("train", recipe(tmp_path, 1), "--output", tmp_path, "--quiet", "--restart").code == 0


def test_data_that_are_not_there(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    path = recipe(tmp_path, 1)
    path.write_text(path.read_text().replace("[data]", '[data]\nsource = "absent.zip"'), encoding="utf-8")
    ran = bnnaudit("train", path, "--output", tmp_path, "--data-root", tmp_path / "data", "--quiet")
    assert (ran.code, ran.out) == (2, "")
    assert f"{tmp_path / 'data' / 'absent.zip'}: no such file" in ran.err


def test_a_recipe_is_written_for_pictures_and_trains(
    bnnaudit: Bnnaudit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is audited from its card alone, in another folder than that of the recipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pictures(Path("my photos/train"), {"cat": 12, "dog": 14})
    pictures(Path("my photos/test"), {"cat": 9, "dog": 9}, width=9)
    ran = bnnaudit("train", "my recipe.toml", "--new", "my photos")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "my photos: 26 pictures of 2 classes, and 18 to test on",
        "  classes   cat (12), dog (14)",
        "  pictures  8x8 to 9x8 pixels, 44 in colour",
        "my recipe.toml is written. Read it, change what you like, and train:",
        "  bnnaudit train 'my recipe.toml'",
    ]
    text = Path("my recipe.toml").read_text()
    Path("my recipe.toml").write_text(text.replace("epochs = 40", "epochs = 1").replace("width = 16", "width = 4"))
    ran = bnnaudit("train", "my recipe.toml", "--output", "nets", "--quiet")
    assert ran.out.splitlines()[-1] == "  bnnaudit check nets/my-photos-bnn.onnx"
    audit = bnnaudit("check", "nets/my-photos-bnn.onnx", "--effort", "quick", "--quiet")
    assert audit.code in (0, 1, 3)
    assert "my-photos-test.npz, 18 images" in audit.out


def test_nothing_that_is_there_is_replaced_by_a_new_recipe(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    photos = pictures(tmp_path / "photos", {"cat": 12, "dog": 12})
    (tmp_path / "recipe.toml").write_text("mine")
    (tmp_path / "link.toml").symlink_to("nowhere.toml")
    for name, said in (
        ("recipe.toml", "is there already"),
        ("link.toml", "is there already"),
        ("absent/recipe.toml", "not a folder"),
        ("", "is empty"),
    ):
        ran = bnnaudit("train", tmp_path / name if name else "", "--new", photos)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert said in ran.err
    assert (tmp_path / "recipe.toml").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "recipe.toml", "link.toml"}


def test_a_disk_that_is_full_leaves_no_part_of_a_recipe(
    bnnaudit: Bnnaudit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = pictures(tmp_path / "photos", {"cat": 12, "dog": 12})

    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    ran = bnnaudit("train", tmp_path / "recipe.toml", "--new", photos)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "No space left on device" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_recipe_that_is_not_there_can_be_written(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    ran = bnnaudit("train", tmp_path / "absent.toml")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "absent.toml: no such file; --new FOLDER writes one" in ran.err
