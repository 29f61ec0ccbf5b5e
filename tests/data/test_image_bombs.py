"""Image files that are small on disk and huge in memory, that are deeper than 8 bits, or that are no images."""

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnnaudit.core.errors import DataError
from bnnaudit.core.threat import Box
from bnnaudit.data import open_source, take_sample
from bnnaudit.data.pictures import Resizing, decode, resized
from tests.data.conftest import Facts


def png(width: int, height: int, depth: int, kind: int, rows: bytes) -> bytes:
    """A PNG by its parts; kind 0 is grey, 2 colour, 4 and 6 the same with transparency."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    end = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + end


def encoded(kind: str, size: tuple[int, int], **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "values"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_pngs_of_16_bits_are_never_cut_to_8(kind: int, values: int) -> None:
    with pytest.raises(DataError, match="bits"):
        decode(png(2, 2, 16, kind, bytes(2 * (1 + 2 * 2 * values))), "a.png")
    assert decode(png(2, 2, 8, kind, bytes(2 * (1 + 2 * values))), "a.png").shape[:2] == (2, 2)


@pytest.mark.parametrize(
    "data",
    [
        b"P6 2 2 65535\n" + bytes(24),
        b"P6\n#" + b"x" * 9000 + b"\n2 2\n65535\n" + bytes(24),
        b"P6 2 2 256\n" + bytes(24),
        b"P3 1 1 1000 1 2 3",
        b"P5 2 2 65535\n" + bytes(8),
    ],
    ids=lambda data: data[:14].decode(),
)
def test_ppms_of_more_than_8_bits_are_never_cut(data: bytes) -> None:
    with pytest.raises(DataError, match="bits"):
        decode(data, "a.ppm")


def test_ppms_of_8_bits_and_fewer() -> None:
    assert decode(b"P6 1 1 255\n\x01\x02\x03", "a.ppm").tolist() == [[[1, 2, 3]]]
    assert decode(b"P6 1 1 15\n\x01\x02\x0f", "a.ppm").tolist() == [[[17, 34, 255]]]


BOMBS = {
    "20,000 x 20,000 of one bit": lambda: png(20_000, 20_000, 1, 0, bytes(20_000 * 2_501)),
    "6,000 x 6,000 black": lambda: encoded("PNG", (6_000, 6_000)),
    "header only": lambda: png(60_000, 60_000, 8, 2, b""),
    "zero": lambda: png(0, 0, 8, 2, b""),
    "WebP": lambda: encoded("WEBP", (12_000, 12_000), lossless=True),
    "GIF": lambda: encoded("GIF", (4_000, 4_000)),
    "BMP": lambda: encoded("BMP", (1, 1))[:18] + struct.pack("<ii", 30_000, 30_000) + encoded("BMP", (1, 1))[26:],
    "PPM": lambda: b"P6 30000 30000 255\n",
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_at_once(name: str) -> None:
    data = BOMBS[name]()
    start = time.process_time()
    with pytest.raises(DataError):
        decode(data, "a.png")
    assert time.process_time() - start < 2


def test_a_jpeg_of_hundreds_of_scans() -> None:
    data = encoded("JPEG", (64, 64), progressive=True)
    assert decode(data, "a.jpg").shape == (64, 64, 3)
    start = data.rindex(b"\xff\xda")
    with pytest.raises(DataError, match="scans"):
        decode(data[:start] + data[start:-2] * 150 + data[-2:], "a.jpg")


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
        b"II*\0" + bytes(200),
        b"DDS " + bytes(200),
        bytes(4) + b"ftypavif" + bytes(200),
        b"%PDF-1.4\n",
        b"icns" + bytes(100),
        bytes(4) + b"\x00\x01\x00\x00" + bytes(100),
    ],
    ids=["eps", "tiff", "dds", "avif", "pdf", "icns", "ico"],
)
def test_only_the_named_formats_are_opened(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """An EPS named .png would have Pillow start Ghostscript."""
    import subprocess

    monkeypatch.setattr(subprocess, "check_call", lambda *_, **__: pytest.fail("it started a program"))
    with pytest.raises(DataError, match="not an image"):
        decode(data, "a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM"])
def test_every_prefix_of_a_file_is_an_image_or_one_error(kind: str) -> None:
    data = encoded(kind, (9, 7))
    assert decode(data, "a").shape == (7, 9, 3)
    refusals = []
    for length in range(len(data)):
        try:
            decode(data[:length], "a")
        except DataError as error:
            refusals.append(str(error))
    assert refusals
    assert not any("\n" in refusal for refusal in refusals)


def test_a_network_of_vectors_refuses_pictures_by_their_headers(tmp_path: Path, facts: Facts) -> None:
    (tmp_path / "a.png").write_bytes(encoded("PNG", (1_900, 1_000)))
    for number in range(300):
        (tmp_path / f"{number}.png").hardlink_to(tmp_path / "a.png")
    start = time.process_time()
    with pytest.raises(DataError, match="takes 64 values per image, but an image is 1000x1900"):
        take_sample(open_source(str(tmp_path)), facts((64,), box=Box(0.0, 255.0)), None, 0)
    assert time.process_time() - start < 5


def test_a_sliver_is_not_grown_for_its_centre() -> None:
    with pytest.raises(DataError, match="too narrow"):
        resized(np.zeros((1, 60_000, 3), np.uint8), 224, 224, Resizing.CENTRE_CROP)
    assert resized(np.zeros((500, 400, 3), np.uint8), 224, 224, Resizing.CENTRE_CROP).shape == (224, 224, 3)
