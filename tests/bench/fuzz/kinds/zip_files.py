"""Zips of images in class folders, and zips of evidence: members and headers changed."""

from __future__ import annotations

import io
import json
import random
import zipfile

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.kinds import sound
from tests.bench.fuzz.mutations import archives, raw, trees
from tests.bench.fuzz.mutations.pictures import picture

DATA, MODEL, EVIDENCE = "d.zip", "m.onnx", "e.zip"
NAMES = (
    "0/a.png",
    "1/b.png",
    "test/0/a.png",
    "val/1/a.jpg",
    "__MACOSX/a.png",
    ".hidden.png",
    "9" * 5_000 + "/a.png",
    "a" * 300 + ".png",
)
KEYS = (
    "schema",
    "model",
    "threat",
    "images",
    "sha256",
    "eps",
    "norm",
    "files",
    "name",
    "original",
    "adversarial",
    "label",
    "claim",
)


def make(chance: random.Random) -> Case:
    """A broken zip of images for a sound network, or of evidence about it."""
    if chance.random() < 0.3:
        return _evidence(chance)
    members = [(f"{index % 4}/{index}.png", picture(index)) for index in range(4)]
    content, how = _broken(members, chance)
    files = {DATA: content, MODEL: sound.model()}
    if chance.random() < 0.85:
        return Case(("attack", MODEL, "--data", DATA, *sound.ATTACK), files, note=how)
    return Case(("check", MODEL, "--data", DATA, *sound.CHECK, "--format", "json"), files, report="-", note=how)


def _broken(members: list[tuple[str, bytes]], chance: random.Random) -> tuple[bytes, str]:
    kind = chance.random()
    content = archives.zipped(members, chance.choice(archives.METHODS))
    if kind < 0.15:
        return raw.damaged(content, chance), "bytes"
    if kind < 0.5:
        return chance.choice(archives.LIES)(content, chance), "zip headers"
    repacked = archives.repacked(members, chance, NAMES)
    if kind < 0.6:
        return archives.lied(repacked, chance), "zip members, headers"
    return repacked, "zip members"


def _evidence(chance: random.Random) -> Case:
    with zipfile.ZipFile(io.BytesIO(sound.evidence())) as archive:
        members = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    kind = chance.random()
    how = "manifest"
    if kind < 0.55:
        members = [(name, _manifest(held, chance) if name.endswith(".json") else held) for name, held in members]
        content = archives.zipped(members)
    elif kind < 0.7:
        place = chance.randrange(len(members))
        members[place] = (members[place][0], raw.damaged(members[place][1], chance))
        content, how = archives.zipped(members), "a member"
    else:
        content, how = _broken(members, chance)
    more = chance.choice(((), (), ("--format", "json")))
    files = {EVIDENCE: content, MODEL: sound.model()}
    return Case(("verify", EVIDENCE, "--model", MODEL, *more), files, note=f"evidence, {how}")


def _manifest(content: bytes, chance: random.Random) -> bytes:
    return trees.as_json(trees.changed(json.loads(content), chance, KEYS), chance)
