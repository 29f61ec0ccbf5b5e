"""One good file of every kind that a command reads, made once; and what may be in its place."""

from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from PIL import Image
from torch import nn

from bnnaudit.cli.main import run
from bnnaudit.zoo.architectures import ARCHITECTURES
from tests.cli.conftest import write_model
from tests.networks.checkpoints import write_checkpoint

OPTIONS = {"in_features": 16, "hidden": [8], "classes": 3}
CHECKPOINT = (
    "[architecture]\nname = 'mlp'\ninput_shape = [1, 4, 4]\noptions = {in_features=16, hidden=[8], classes=3}\n"
)
CARD = "[data]\nsamples = 4\nseed = 1\n[threat]\nnorm = 'linf'\neps = '8/255'\n[preprocessing]\ninput_range = [0, 1]\n"
PROJECT = """[data]
seed = 2
[policy]
min_verified = 0.1
decide = "estimate"
[[policy.waive]]
rule = "SP201"
reason = "known"
owner = "me"
"""
RECIPE = """name = "tiny"
description = "binary weights"
architecture = {name = "mlp", options = {hidden = [4], weights = "binary"}}
data = {held_out = 1700}
training = {epochs = 1}
export = {formats = ["safetensors"]}
card = {eps = 0.1, samples = 4}
"""
QUICK = ("--samples", "8", "--effort", "quick", "--substitute", "none", "--eps", "0.3", "-q")


def write_all(folder: Path) -> None:
    """Every kind of file, by the names in KINDS."""
    write_model(folder / "model.onnx", scale=0.05)
    write_model(folder / "other.onnx", scale=200.0)
    torch.manual_seed(0)
    network = ARCHITECTURES["mlp"](**OPTIONS).eval()
    write_checkpoint(network, folder / "weights.safetensors")
    torch.save(network.state_dict(), folder / "weights.pt")
    program = torch.jit.trace(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), torch.zeros(1, 1, 4, 4))
    torch.jit.save(program, folder / "program.pt")
    images = np.random.default_rng(1).random((12, 1, 4, 4), dtype=np.float32)
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    np.savez(folder / "images.npz", x=images, y=session.run(None, {"image": images})[0].argmax(1))
    _write_pictures(folder, images)
    for name, text in (("card", CHECKPOINT + CARD), ("plain", CARD), ("bnnaudit", PROJECT), ("recipe", RECIPE)):
        (folder / f"{name}.toml").write_text(text)
    (folder / "networks").mkdir()
    shutil.copy(folder / "other.onnx", folder / "networks")
    (folder / "networks" / "other.toml").write_text(CARD)
    _write_reports(folder)


def _write_pictures(folder: Path, images: np.ndarray) -> None:
    for number, image in enumerate(images):
        place = folder / "pictures" / f"class{number % 3}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image[0] * 255).astype(np.uint8)).save(place / f"{number}.png")
    with zipfile.ZipFile(folder / "pictures.zip", "w") as archive:
        for path in sorted((folder / "pictures").rglob("*.png")):
            archive.write(path, path.relative_to(folder / "pictures"))


def _write_reports(folder: Path) -> None:
    model, data = str(folder / "other.onnx"), str(folder / "images.npz")
    for seed, name in enumerate(("older", "newer")):
        words = ("--seed", str(seed), "--history", str(folder / "history"), "-o", str(folder / f"{name}.json"))
        with redirect_stdout(StringIO()):
            run(["check", model, "--data", data, *QUICK, *words, "--evidence", str(folder / "evidence.zip")])
    with zipfile.ZipFile(folder / "evidence.zip") as archive:
        archive.extractall(folder / "evidence")


KINDS: Mapping[str, tuple[str, ...]] = {
    "model": ("model.onnx", "weights.safetensors", "weights.pt", "program.pt"),
    "audited": ("other.onnx",),
    "networks": ("networks",),
    "data": ("images.npz", "pictures.zip", "pictures", "pictures/class0"),
    "picture": ("pictures/class0/0.png",),
    "card": ("card.toml", "plain.toml"),
    "project": ("bnnaudit.toml",),
    "recipe": ("recipe.toml",),
    "report": ("older.json", "newer.json"),
    "evidence": ("evidence.zip", "evidence"),
    "history": ("history",),
}
"""What a place on a command line may hold -> the good files for it."""

Change = Callable[[Path, random.Random], None]


def _cut(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))])


def _flip(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice((1, 8, 64))):
        content[draw.randrange(len(content))] = draw.randrange(256)
    path.write_bytes(content)


def _insert(path: Path, draw: random.Random) -> None:
    content, place = path.read_bytes(), draw.randrange(path.stat().st_size)
    junk = draw.choice((b"\0" * 64, b"\x1b[31m\xe2\x80\xae", b"\xff" * 9, b"[" * 3000, b"9" * 5000))
    path.write_bytes(content[:place] + junk + content[place:])


def _be_noise(path: Path, draw: random.Random) -> None:
    path.write_bytes(draw.randbytes(draw.choice((1, 100, 10_000))))


def _be_another_kind(path: Path, draw: random.Random) -> None:
    others = sorted(p for p in path.parent.iterdir() if p.is_file() and p.suffix != path.suffix)
    if others:
        path.write_bytes(draw.choice(others).read_bytes())


def _nothing(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _instead(make: Callable[[Path], object]) -> Change:
    def change(path: Path, _: random.Random) -> None:
        _nothing(path)
        make(path)

    return change


DAMAGE: Mapping[str, Change] = {
    "cut": _cut,
    "flipped": _flip,
    "inserted": _insert,
    "noise": _be_noise,
    "another kind": _be_another_kind,
}
"""Of a file, or of one file in a folder."""
INSTEAD: Mapping[str, Change] = {
    "nothing": _instead(lambda path: None),
    "empty": _instead(Path.touch),
    "folder": _instead(Path.mkdir),
    "pipe": _instead(os.mkfifo),
    "device": _instead(lambda path: path.symlink_to("/dev/zero")),
    "dangling": _instead(lambda path: path.symlink_to("nowhere")),
    "loop": _instead(lambda path: path.symlink_to(path.name)),
    "unreadable": lambda path, _: path.chmod(0),
}
"""What is there instead of it."""
NAMES: Mapping[str, Callable[[str], str]] = {
    "control": lambda suffix: f"a\x1b[2J\x07\n\r\x85b{suffix}",
    "bidi": lambda suffix: f"a\u202e\u2066\u200fb{suffix}",
    "longest": lambda suffix: "x" * (255 - len(suffix)) + suffix,
    "bytes": lambda suffix: os.fsdecode(b"\xff\xfe\xe9") + suffix,
    "spaces": lambda suffix: f"  a b=c:d*[e]?{suffix}",
}
"""Other names for it, from its suffix."""
