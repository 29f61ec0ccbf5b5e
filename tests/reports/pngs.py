"""PNG files of one colour, made by hand."""

import struct
import zlib


def png(red: int, green: int, blue: int, side: int = 4) -> bytes:
    """A real picture of `side` by `side` pixels in 8-bit RGB, the same bytes each time."""
    rows = (b"\x00" + bytes((red, green, blue)) * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
