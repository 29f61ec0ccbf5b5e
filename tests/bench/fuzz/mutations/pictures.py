"""Image files, small ones, and PNGs whose chunks are changed and whose check sums are right again."""

from __future__ import annotations

import io
import random
import struct
import zlib

import numpy as np
from PIL import Image

from tests.bench.fuzz.mutations.raw import damaged
from tests.bench.fuzz.mutations.values import WHOLE

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = 13
"""Bytes of the chunk IHDR."""
MODES = ("L", "RGB", "RGBA", "LA", "P", "1", "CMYK", "I;16", "F", "YCbCr")
FORMATS = {"PNG": "png", "JPEG": "jpg", "BMP": "bmp", "GIF": "gif", "WEBP": "webp", "PPM": "ppm"}
FOREIGN = {
    "TIFF": "tif",
    "ICO": "ico",
    "TGA": "tga",
    "DDS": "dds",
    "PCX": "pcx",
    "EPS": "eps",
    "JPEG2000": "jp2",
    "AVIF": "avif",
}


def picture(seed: int, format_: str = "PNG", size: tuple[int, int] = (8, 8), mode: str = "L") -> bytes:
    """An image file of noise; PNG where the format does not take the mode."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    try:
        Image.fromarray(noise).convert("I" if mode == "I;16" else mode).save(buffer, format_)
    except (OSError, KeyError, ValueError):
        buffer = io.BytesIO()
        Image.fromarray(noise[..., 0]).save(buffer, "PNG")
    return buffer.getvalue()


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of each chunk."""
    found, place = [], len(SIGNATURE)
    while place + 8 <= len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        found.append((kind, png[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def assembled(parts: list[tuple[bytes, bytes]], chance: random.Random) -> bytes:
    """A PNG of these chunks, with right check sums but for a few, and right lengths but for a few."""
    out = bytearray(SIGNATURE)
    for kind, content in parts:
        length = len(content) if chance.random() < 0.98 else chance.choice(WHOLE) % 2**32
        crc = zlib.crc32(kind + content) ^ (chance.random() < 0.02)
        out += struct.pack(">I", length) + kind + content + struct.pack(">I", crc)
    return bytes(out)


def changed_png(png: bytes, chance: random.Random) -> bytes:
    """The PNG with chunks lost, repeated, moved, added, or their content changed."""
    parts = chunks(png)
    for _ in range(chance.choice((1, 1, 2, 3))):
        if not parts:
            break
        place = chance.randrange(len(parts))
        kind, content = parts[place]
        what = chance.randrange(8)
        if what == 0:
            del parts[place]
        elif what == 1:
            parts.insert(chance.randrange(len(parts) + 1), (kind, content))
        elif what == 2:
            chance.shuffle(parts)
        elif what == 3:
            parts.insert(place, chance.choice(EXTRA))
        elif what in (4, 5) and parts[0][0] == b"IHDR" and len(parts[0][1]) == HEADER:
            parts[0] = (b"IHDR", _header(parts[0][1], chance))
        elif what == 6:
            parts[place] = (kind, zlib.compress(bytes(chance.choice((0, 1, 71, 10_000, 10**6)))))
        else:
            parts[place] = (kind, damaged(content, chance) if content else chance.randbytes(4))
    return assembled(parts, chance)


def _header(content: bytes, chance: random.Random) -> bytes:
    width, height, *rest = struct.unpack(">IIBBBBB", content)
    place = chance.randrange(7)
    if place == 0:
        width = chance.choice((0, 1, 9, 16, 4_000, 65_535, 10**6, 2**31 - 1, 2**31, 2**32 - 1))
    elif place == 1:
        height = chance.choice((0, 1, 9, 16, 4_000, 65_535, 10**6, 2**31 - 1, 2**31, 2**32 - 1))
    else:
        rest[place - 2] = chance.choice((0, 1, 2, 3, 4, 6, 7, 8, 16, 17, 255))
    return struct.pack(">IIBBBBB", width, height, *rest)


EXTRA = (
    (b"tRNS", b"\x00" * 6),
    (b"PLTE", b"\x00" * 7),
    (b"PLTE", b"\x00" * 900),
    (b"iCCP", b"a\x00\x00" + zlib.compress(bytes(10**6))),
    (b"zTXt", b"a\x00\x00" + zlib.compress(bytes(10**7))),
    (b"iTXt", b"a\x00\x01\x00\x00\x00" + zlib.compress(bytes(10**7))),
    (b"tEXt", b"a\x00" + b"\x1b[2J" * 20),
    (b"acTL", struct.pack(">II", 2**31 - 1, 0)),
    (b"fcTL", bytes(26)),
    (b"gAMA", b"\x00\x00\x00\x00"),
    (b"eXIf", b"MM\x00*" + b"\xff" * 20),
    (b"pHYs", b"\x00"),
    (b"\x00\x00\x00\x00", b"x"),
    (b"IEND", b""),
    (b"IDAT", b""),
)
