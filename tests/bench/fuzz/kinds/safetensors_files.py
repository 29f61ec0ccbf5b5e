"""Files of safetensors: the JSON of their header and the length before it changed, or their bytes."""

from __future__ import annotations

import functools
import json
import random
import struct

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.kinds import sound
from tests.bench.fuzz.mutations import raw, trees
from tests.bench.fuzz.mutations.values import WHOLE, word

MODEL, CARD = "m.safetensors", "m.toml"
KEYS = ("dtype", "shape", "data_offsets", "__metadata__", "0.weight", "format")
WORDS = (
    "F64",
    "F32",
    "F16",
    "BF16",
    "I64",
    "I32",
    "I16",
    "I8",
    "U8",
    "BOOL",
    "F8_E4M3",
    "F8_E5M2",
    "U64",
    "C64",
    "F4",
    "f32",
    "",
)


@functools.cache
def sound_file() -> bytes:
    """The weights of the card's network."""
    from safetensors.torch import save

    return bytes(save(sound.weights(), {"format": "pt", "name": "net"}))


def make(chance: random.Random) -> Case:
    """A broken file and its card."""
    kind = chance.random()
    content, how = (raw.damaged(sound_file(), chance), "bytes") if kind < 0.25 else (_header(chance), "header")
    files = {MODEL: content, CARD: sound.CARD.encode()}
    if chance.random() < 0.85:
        more = chance.choice(((), (), ("--format", "json"), ("--arch", "mlp"), ("--input-shape", "1,8,8")))
        return Case(("inspect", MODEL, "-q", *more), files, note=how)
    files["d.npz"] = sound.unlabelled()
    if chance.random() < 0.5:
        return Case(("attack", MODEL, "--data", "d.npz", *sound.ATTACK), files, note=how)
    return Case(("check", MODEL, "--data", "d.npz", *sound.CHECK, "--format", "json"), files, report="-", note=how)


def _header(chance: random.Random) -> bytes:
    """The same tensors under a changed header."""
    content = sound_file()
    length = struct.unpack_from("<Q", content)[0]
    header = json.loads(content[8 : 8 + length])
    kind = chance.random()
    if kind < 0.2:
        names = [name for name in header if name != "__metadata__"]
        header[word(chance)[:5_000]] = header.pop(chance.choice(names))
    elif kind < 0.3:
        name = chance.choice([name for name in header if name != "__metadata__"])
        header[name]["shape"] = [chance.choice(WHOLE) for _ in range(chance.choice((0, 1, 2, 4, 70)))]
    elif kind < 0.4:
        header["__metadata__"] = {word(chance)[:2_000]: word(chance)[:2_000] for _ in range(3)}
    else:
        trees.changed(header, chance, KEYS, WORDS)
    text = trees.as_json(header, chance)
    if chance.random() < 0.1:
        text = text.replace(b"}", b',"dtype":"F32"}', 1)
    text += b" " * (chance.choice((0, 0, 0, 7, 4_000)))
    stated = len(text) if chance.random() < 0.9 else chance.choice((0, 1, len(text) - 1, len(text) + 1, *WHOLE)) % 2**64
    return struct.pack("<Q", stated) + text + content[8 + length :]
