"""Checkpoints as `torch.save` writes them, new and old: their pickles, their zips and their bytes changed."""

from __future__ import annotations

import functools
import io
import pickle
import random
import zipfile
from collections import OrderedDict
from typing import Any

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.kinds import sound
from tests.bench.fuzz.mutations import archives, pickles, raw

MODEL, CARD = "m.pt", "m.toml"
NAMES = (
    "data.pkl",
    "data/0",
    "data/1",
    "version",
    "byteorder",
    "constants.pkl",
    "code/__torch__.py",
    ".format_version",
)
OLD_PARTS = 5
"""Pickles at the start of the older format: a mark, a version, the machine, the values, the keys of storages."""


@functools.cache
def checkpoints() -> dict[str, bytes]:
    """Name -> file."""
    import torch

    weights = sound.weights()
    whole = {"epoch": 3, "state_dict": weights, "optimizer": {"lr": 0.1, "steps": [1, 2]}, "name": "net"}
    return {
        "weights": _saved(OrderedDict(weights)),
        "old": _saved(OrderedDict(weights), _use_new_zipfile_serialization=False),
        "whole": _saved(whole),
        "half": _saved({name: value.half() if value.is_floating_point() else value for name, value in weights.items()}),
        "strange": _saved(
            {
                "a": torch.arange(12).reshape(3, 4).t(),
                "b": torch.tensor(1 + 2j),
                "c": torch.zeros(0, 3),
                "d": torch.nn.Parameter(torch.ones(2)),
                "e": torch.tensor([True]),
                "f": torch.ones(3).expand(4, 3),
            }
        ),
        "sparse": _saved({"a": torch.eye(3).to_sparse()}),
    }


def _saved(value: Any, **how: Any) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer, **how)
    return buffer.getvalue()


def make(chance: random.Random) -> Case:
    """A broken checkpoint and its card."""
    name = chance.choice(("weights", "weights", "old", "whole", "half", "strange", "sparse"))
    content, how = _broken(checkpoints()[name], chance)
    files = {MODEL: content, CARD: sound.CARD.encode()}
    kind = chance.random()
    if kind < 0.8:
        more = chance.choice(
            ((), (), ("--format", "json"), ("--arch", "cnn", "--input-shape", "1,8,8"), ("--arch", "mlp"))
        )
        return Case(("inspect", MODEL, "-q", *more), files, note=f"{name}, {how}")
    files["d.npz"] = sound.unlabelled()
    if kind < 0.9:
        return Case(("attack", MODEL, "--data", "d.npz", *sound.ATTACK), files, note=f"{name}, {how}")
    arguments = ("check", MODEL, "--data", "d.npz", *sound.CHECK, "--format", "json")
    return Case(arguments, files, report="-", note=f"{name}, {how}")


def _broken(content: bytes, chance: random.Random) -> tuple[bytes, str]:
    kind = chance.random()
    if kind < 0.15:
        return raw.damaged(content, chance), "bytes"
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return _old(content, chance), "pickle of the older format"
    members = _members(content)
    if kind < 0.3:
        return chance.choice(archives.LIES)(content, chance), "zip headers"
    if kind < 0.4:
        return archives.repacked(members, chance, NAMES), "zip members"
    changed = [(name, _member(name, held, chance)) for name, held in members]
    if kind < 0.5:
        return archives.lied(archives.zipped(changed), chance), "pickle, zip headers"
    return archives.zipped(changed), "pickle"


def _members(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(entry.filename, archive.read(entry)) for entry in archive.infolist()]


def _member(name: str, content: bytes, chance: random.Random) -> bytes:
    if name.endswith("data.pkl"):
        return pickles.changed(content, chance)
    if "/data/" in name:
        return (
            content
            if chance.random() < 0.95
            else chance.choice((b"", content[:-1], content * 2, b"\xff" * len(content)))
        )
    if name.endswith(("version", "byteorder")) and chance.random() < 0.05:
        return chance.choice((b"", b"big", b"big\n", b"middle", b"99999999999999999999", b"\xff\xfe", b"3" * 10_000))
    return content


def _old(content: bytes, chance: random.Random) -> bytes:
    """One of the pickles of the older format changed."""
    stream, parts = io.BytesIO(content), []
    for _ in range(OLD_PARTS):
        start = stream.tell()
        _skip_pickle(stream)
        parts.append(content[start : stream.tell()])
    place = chance.choice((0, 1, 2, 3, 3, 3, 3, 3, 4, 4))
    parts[place] = pickles.changed(parts[place], chance)
    if chance.random() < 0.1:
        parts[1] = pickle.dumps(chance.choice((0, 1, 1000, 2**80, "x", None)), 2)
    rest = content[stream.tell() :]
    return b"".join(parts) + (rest if chance.random() < 0.9 else raw.damaged(rest, chance))


def _skip_pickle(stream: io.BytesIO) -> None:
    import pickletools

    for _ in pickletools.genops(stream):
        pass
