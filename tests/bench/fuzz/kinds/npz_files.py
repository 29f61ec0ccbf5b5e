"""Files of `numpy.savez`: headers that are Python literals, their numbers and names, their zips and their bytes changed."""

from __future__ import annotations

import io
import random
import struct

import numpy as np

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.kinds import sound
from tests.bench.fuzz.kinds.onnx_seeds import images
from tests.bench.fuzz.mutations import archives, raw
from tests.bench.fuzz.mutations.values import REAL, WHOLE, word

DATA, MODEL = "d.npz", "m.onnx"
NAMES = (
    "x",
    "y",
    "x.npy",
    "y.npy",
    "arr_0.npy",
    "x_test.npy",
    "test_images.npy",
    "test_labels.npy",
    "input_range.npy",
    "X.npy",
)
TYPES = (
    "<f4", ">f4", "<f8", "<f2", "|u1", "|i1", "<i2", ">u2", "<i8", "<u8", "|b1", "<c8", "|O", "|S3", "<U5", "<M8[s]", "|V8",
    "<f16", "<f4, <i4", "", "float32", "f", "<f3", "[('a', '<f4')]", "|S0", "<U999999999",
)  # fmt: skip
SHAPES = (
    "()", "(0,)", "(6,)", "(6, 64)", "(6, 8, 8)", "(6, 1, 8, 8)", "(6, 8, 8, 1)", "(6, 3, 8, 8)", "(1, 1, 8, 8)", "(-1,)",
    "(6, -1)", "(2**40,)", "(10**30,)", "(9223372036854775807, 2)", "(True,)", "(6L,)", "[6]", "6", "None", "(1.5,)",
    "(0, 9999999999)", "(1,) * 99", "(" + "1, " * 64 + ")", "('6',)", "((6,),)",
)  # fmt: skip


def make(chance: random.Random) -> Case:
    """Broken data for a sound network."""
    content, how = _broken(chance)
    vectors = chance.random() < 0.2
    files = {DATA: content, MODEL: sound.vector_model() if vectors else sound.model()}
    if chance.random() < 0.8:
        method = chance.choice(("fgsm", "pgd"))
        options = tuple(sound.ATTACK[:2] + sound.ATTACK[4:]) if method == "fgsm" else sound.ATTACK
        more = chance.choice(
            ((), (), (), ("--input-range", "0,255"), ("--layout", "nhwc"), ("--mean", "0.5", "--std", "0.25"))
        )
        return Case(("attack", MODEL, "--data", DATA, *options, "--method", method, *more), files, note=how)
    return Case(("check", MODEL, "--data", DATA, *sound.CHECK, "--format", "json"), files, report="-", note=how)


def _broken(chance: random.Random) -> tuple[bytes, str]:
    kind = chance.random()
    if kind < 0.12:
        return raw.damaged(sound.data(), chance), "bytes"
    members = _members(chance)
    if kind < 0.25:
        return chance.choice(archives.LIES)(archives.zipped(members), chance), "zip headers"
    if kind < 0.37:
        return archives.repacked(members, chance, NAMES), "zip members"
    if kind < 0.65:
        place = chance.randrange(len(members))
        members[place] = (members[place][0], _headed(members[place][1], chance))
        return archives.zipped(members), "header"
    return archives.zipped(members), "values"


def _members(chance: random.Random) -> list[tuple[str, bytes]]:
    """The arrays of a file, now and then with strange values, types and shapes."""
    arrays = {"x": images(), "y": sound.LABELS}
    if chance.random() < 0.7:
        arrays["x"] = _strange_images(chance)
    if chance.random() < 0.4:
        arrays["y"] = _strange_labels(chance)
    if chance.random() < 0.15:
        arrays["input_range"] = np.array([chance.choice(REAL) for _ in range(chance.choice((1, 2, 2, 2, 3)))])
    return [(f"{name}.npy", _npy(array)) for name, array in arrays.items()]


def _strange_images(chance: random.Random) -> np.ndarray:
    array = images()
    kind = chance.randrange(8)
    with np.errstate(all="ignore"):
        if kind == 0:
            array.reshape(-1)[chance.randrange(array.size)] = chance.choice(REAL)
        elif kind == 1:
            array = array * np.float64(chance.choice(REAL))
        elif kind == 2:
            types = (
                "u1",
                "i1",
                "u2",
                "i2",
                "i4",
                "i8",
                "f2",
                "f8",
                "?",
                "c8",
                "u8",
                ">f4",
                "S1",
                "U1",
                "M8[s]",
                "m8[s]",
            )
            array = (array * 255).astype(np.float64).astype("i8").astype(chance.choice(types))
        elif kind == 3:
            shape = chance.choice(
                ((6, 64), (6, 8, 8), (6, 8, 8, 1), (384,), (3, 2, 8, 8), (6, 1, 1, 64), (2, 3, 64), (6, 2, 32))
            )
            array = array.reshape(shape)
        elif kind == 4:
            array = np.full(array.shape, chance.choice(REAL))
        elif kind == 5:
            array = array[: chance.choice((0, 1, 2))]
        elif kind == 6:
            array = np.repeat(array, chance.choice((3, 4, 5)), axis=chance.choice((1, 2, 3)))
        else:
            array = np.asfortranarray(array)
    return array


def _strange_labels(chance: random.Random) -> np.ndarray:
    labels = sound.LABELS
    choices = (
        labels + chance.choice((1, -1, 4, 10**6, 2**62)),
        labels.astype(np.float32) + chance.choice((0.0, 0.5)),
        np.eye(4)[labels],
        labels.reshape(-1, 1),
        labels[:3],
        np.array([chance.choice(WHOLE) % 2**63 for _ in labels]),
        np.array([chance.choice(REAL) for _ in labels]),
        np.array([word(chance)[:50] for _ in labels]),
        np.zeros((6, 4), bool),
        np.array(3),
    )
    return chance.choice(choices)


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _headed(content: bytes, chance: random.Random) -> bytes:
    """The same numbers under another header."""
    length = struct.unpack_from("<H", content, 8)[0]
    header, values = content[10 : 10 + length].decode("latin-1"), content[10 + length :]
    kind = chance.randrange(8)
    described = chance.choice(TYPES)
    if kind <= 2:
        start = header.index("'descr': ") + 9
        header = f"{header[:start]}{chance.choice((repr(described), described))}{header[header.index(', ', start) :]}"
    elif kind <= 4:
        start = header.index("'shape': ") + 9
        header = f"{header[:start]}{chance.choice(SHAPES)}, }}\n"
    elif kind == 5:
        header = chance.choice(
            ("", "{}", "{" * 300, "(" * 5_000, "__import__('os')", "{'descr': '<f4'}", "x" * 60_000, "\x00", "1\n" * 9)
        )
    elif kind == 6:
        header = header.replace("False", chance.choice(("True", "None", "1", "'a'", "False, 'more': 1")))
    else:
        header = raw.damaged(header.encode("latin-1"), chance).decode("latin-1")
    packed = header.encode("latin-1")
    major = chance.choice((1, 1, 1, 2, 3, 0, 9))
    width = "<H" if major == 1 else "<I"
    stated = len(packed) if chance.random() < 0.95 else chance.choice(WHOLE)
    lengths = struct.pack(width, stated % (2**16 if width == "<H" else 2**32))
    return b"\x93NUMPY" + bytes([major, 0]) + lengths + packed + values
