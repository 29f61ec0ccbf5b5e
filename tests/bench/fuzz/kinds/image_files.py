"""Folders of image files of all formats, changed as chunks or as bytes, under names that lie, among links."""

from __future__ import annotations

import functools
import random

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.kinds import sound
from tests.bench.fuzz.mutations.pictures import FOREIGN, FORMATS, MODES, changed_png, picture
from tests.bench.fuzz.mutations.raw import damaged

DATA, MODEL = "d", "m.onnx"
LINKS = ("/dev/zero", "/dev/stdin", "/etc/passwd", "..", ".", "absent.png", "0.png", "/proc/self/mem", "/dev/full")
SIZES = ((8, 8), (8, 8), (8, 8), (16, 16), (9, 7), (1, 1), (300, 2), (640, 480))


@functools.cache
def _picture(seed: int, format_: str, size: tuple[int, int], mode: str) -> bytes:
    return picture(seed, format_, size, mode)


def make(chance: random.Random) -> Case:
    """A folder of four images, of which one or more are broken, for a sound network."""
    files = {f"{DATA}/{index}/{index}.png": _picture(index, "PNG", (8, 8), "L") for index in range(4)}
    notes = []
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        name, content, how = _broken(chance)
        if chance.random() < 0.7:
            files[chance.choice(sorted(files))] = content
        else:
            files[name] = content
        notes.append(how)
    links = {}
    if chance.random() < 0.1:
        links[f"{DATA}/{chance.choice(('0', '1', '2'))}/link.png"] = chance.choice(LINKS)
        notes.append("a link")
    files[MODEL] = sound.model()
    how = ", ".join(notes)
    if chance.random() < 0.85:
        more = chance.choice(((), (), (), ("--layout", "nchw"), ("--input-range", "0,255"), ("--channels", "bgr")))
        return Case(("attack", MODEL, "--data", DATA, *sound.ATTACK, *more), files, links, note=how)
    return Case(("check", MODEL, "--data", DATA, *sound.CHECK, "--format", "json"), files, links, report="-", note=how)


def _broken(chance: random.Random) -> tuple[str, bytes, str]:
    """A name, an image file and what was done to it."""
    foreign = chance.random() < 0.15
    format_ = chance.choice(list(FOREIGN if foreign else FORMATS))
    suffix = {**FOREIGN, **FORMATS}[format_]
    size = chance.choice(SIZES)
    content = _picture(9, format_, size, chance.choice(MODES))
    name = f"{DATA}/{chance.choice(('0', '1', '2', 'z'))}/x.{suffix if chance.random() < 0.7 else 'png'}"
    kind = chance.random()
    if kind < 0.15:
        return name, content, f"{format_} of {size[0]}x{size[1]}"
    if content.startswith(b"\x89PNG") and kind < 0.8:
        return name, changed_png(content, chance), f"{format_}, chunks"
    return name, damaged(content, chance), f"{format_}, bytes"
