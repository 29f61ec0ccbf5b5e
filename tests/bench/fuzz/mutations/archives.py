"""Zips as nobody should make them: members that lie about their size, name, method, place or check sum."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile
from collections.abc import Callable

from tests.bench.fuzz.mutations.values import WHOLE, word

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
# Offsets and widths (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.16).
LOCAL_FIELDS = {
    "flags": (6, 2),
    "method": (8, 2),
    "crc": (14, 4),
    "packed": (18, 4),
    "size": (22, 4),
    "name": (26, 2),
    "extra": (28, 2),
}
CENTRAL_FIELDS = {
    "system": (5, 1), "version": (6, 2), "flags": (8, 2), "method": (10, 2), "crc": (16, 4), "packed": (20, 4), "size": (24, 4),
    "name": (28, 2), "extra": (30, 2), "comment": (32, 2), "disk": (34, 2), "attributes": (38, 4), "offset": (42, 4),
}  # fmt: skip
END_FIELDS = {
    "disk": (4, 2),
    "here": (8, 2),
    "entries": (10, 2),
    "size": (12, 4),
    "offset": (16, 4),
    "comment": (20, 2),
}
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
USUAL = {
    "method": (0, 1, 6, 8, 9, 12, 14, 93, 95, 98, 99),
    "flags": (1, 8, 9, 0x40, 0x800, 0x801, 0x2000),
    "system": (0, 3, 10, 19),
}


def zipped(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of these, names as they are, twice if they are there twice."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            entry = zipfile.ZipInfo(name or "x", (2026, 1, 1, 0, 0, 0))
            entry.compress_type = method
            archive.writestr(entry, content)
    return buffer.getvalue()


def repacked(members: list[tuple[str, bytes]], chance: random.Random, names: tuple[str, ...] = ()) -> bytes:
    """A zip with members lost, renamed, repeated, emptied, swapped or added, well formed but for what they are."""
    members = list(members)
    for _ in range(chance.choice((1, 1, 2, 4))):
        if not members:
            break
        place = chance.randrange(len(members))
        name, content = members[place]
        kind = chance.randrange(8)
        if kind == 0:
            del members[place]
        elif kind == 1:
            members[place] = (_name(name, chance, names), content)
        elif kind == 2:
            members.insert(place, (name, chance.choice((content, b"", b"\x00" * 100))))
        elif kind == 3:
            members[place] = (name, chance.choice((b"", content[: len(content) // 2], content * 2, bytes(10**6))))
        elif kind == 4:
            members[place] = (name, chance.choice(members)[1])
        elif kind == 5:
            members.insert(place, (_name(name, chance, names), content))
        elif kind == 6:
            chance.shuffle(members)
        else:
            members = [
                (f"{chance.choice(('a/', './', '../', '/', 'C:/', 'a' * 200 + '/'))}{one}", held)
                for one, held in members
            ]
    return zipped([(one[:30_000], held) for one, held in members], chance.choice(METHODS))


def _name(name: str, chance: random.Random, names: tuple[str, ...]) -> str:
    folder, _, last = name.rpartition("/")
    new = chance.choice((word(chance), *names))
    choices = (
        new,
        f"{folder}/{new}",
        f"{new}/{last}",
        f"{name}/{new}",
        name.upper(),
        f"{name}/",
        f"./{name}",
        f"{name}\x00x",
    )
    return chance.choice(choices).encode("utf-8", "replace").decode()


def lied(archive: bytes, chance: random.Random) -> bytes:
    """The zip with wrong numbers in its headers."""
    changed = bytearray(archive)
    for _ in range(chance.choice((1, 1, 2, 3))):
        mark, fields = chance.choice(
            ((LOCAL, LOCAL_FIELDS), (CENTRAL, CENTRAL_FIELDS), (CENTRAL, CENTRAL_FIELDS), (END, END_FIELDS))
        )
        places = [place for place in range(len(changed)) if changed.startswith(mark, place)]
        if not places:
            continue
        start = chance.choice(places)
        name = chance.choice(sorted(fields))
        offset, width = fields[name]
        value = chance.choice(USUAL[name]) if name in USUAL and chance.random() < 0.8 else chance.choice(WHOLE)
        here = slice(start + offset, start + offset + width)
        if chance.random() < 0.3 and len(changed[here]) == width:
            value = int.from_bytes(changed[here], "little") + chance.choice((-1, 1, 2, -30, 1000))
        if here.stop <= len(changed):
            changed[here] = (value % 2 ** (8 * width)).to_bytes(width, "little")
    return bytes(changed)


def overlapping(archive: bytes, chance: random.Random) -> bytes:
    """Every member of the central directory at the place of one of them."""
    changed = bytearray(archive)
    places = [place for place in range(len(changed)) if changed.startswith(CENTRAL, place)]
    if places:
        target = struct.unpack_from("<I", changed, chance.choice(places) + 42)[0]
        for place in places:
            struct.pack_into("<I", changed, place + 42, target)
    return bytes(changed)


LIES: tuple[Callable[[bytes, random.Random], bytes], ...] = (lied, lied, lied, overlapping)
