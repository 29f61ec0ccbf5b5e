"""What the headers of image files say that their decoder is not asked, or asked too late."""

from __future__ import annotations

from bnnaudit.core.file_limits import MOST_PIXELS, MOST_SCANS

PNG = b"\x89PNG\r\n\x1a\n"
PNG_DEPTH = 24
"""Where the bits per channel stand in a PNG: its first chunk is always the header."""
JPEG = b"\xff\xd8\xff"
SCAN = b"\xff\xda"
"""What every scan of a JPEG starts with; in its data a byte of 255 is never followed by this one."""


def bits_of_png(data: bytes) -> int | None:
    """Bits per channel of a PNG; None for what is none."""
    return data[PNG_DEPTH] if data.startswith(PNG) and len(data) > PNG_DEPTH else None


def bomb_in(data: bytes) -> str:
    """What keeps a file from being given to its decoder at all, in words; empty where nothing does."""
    if data.startswith(JPEG) and MOST_SCANS.exceeded_by(scans := data.count(SCAN)):
        return f"a JPEG, each scan of which takes as long as an image, of {MOST_SCANS.refusal(scans)}"
    # The decoder of WebP allocates the canvas as soon as the file is opened.
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP" and MOST_PIXELS.exceeded_by(pixels := _webp_pixels(data)):
        return f"a WebP that is a decompression bomb, or no image of a data set: {MOST_PIXELS.refusal(pixels)}"
    return ""


def _webp_pixels(data: bytes) -> int:
    """Of the canvas, as each of the three kinds of first chunk states it; 0 where it is cut off."""
    kind, start = data[12:16], data[20:30]
    if len(start) < 10:
        return 0
    if kind == b"VP8X":
        return (1 + int.from_bytes(start[4:7], "little")) * (1 + int.from_bytes(start[7:10], "little"))
    if kind == b"VP8L":
        packed = int.from_bytes(start[1:5], "little")
        return (1 + (packed & 0x3FFF)) * (1 + (packed >> 14 & 0x3FFF))
    return (int.from_bytes(start[6:8], "little") & 0x3FFF) * (int.from_bytes(start[8:10], "little") & 0x3FFF)
