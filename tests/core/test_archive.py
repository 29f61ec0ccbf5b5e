"""Zips that lie: what is refused before anything is unpacked, and how far a member is read."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from bnnaudit.core.archive import ArchiveError, is_zip, open_zip, read_member, refuse_twins
from bnnaudit.core.file_limits import Limit


def at_most(size: int) -> Limit:
    return Limit(size, "bytes", "a member", "")


def packed(path: Path, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a", content)
    return path


def stating(path: Path, place: int, value: int) -> Path:
    """The zip, whose table of contents says something else: 20 is the packed size of a member, 24 its own."""
    data = bytearray(path.read_bytes())
    start = data.index(b"PK\x01\x02")
    data[start + place : start + place + 4] = struct.pack("<I", value)
    path.write_bytes(data)
    return path


def test_members_are_read_to_their_end(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with open_zip(packed(tmp_path / f"{method}.zip", bytes(range(256)) * 50, method)) as archive:
            assert read_member(archive, archive.infolist()[0], at_most(12_800)) == bytes(range(256)) * 50


def test_a_part_of_several_is_a_zip_and_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "part.zip", b"a")
    end = path.read_bytes().index(b"PK\x05\x06")
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 5)  # the fifth disk
    path.write_bytes(path.read_bytes()[:end] + locator + path.read_bytes()[end:])
    with pytest.raises(zipfile.BadZipFile):
        zipfile.is_zipfile(path)
    assert is_zip(path)
    with pytest.raises(ArchiveError, match="multiple disks"):
        open_zip(path)


def test_a_member_larger_than_allowed_is_not_unpacked(tmp_path: Path) -> None:
    with (
        open_zip(packed(tmp_path / "a.zip", bytes(1001))) as archive,
        pytest.raises(ArchiveError, match="more than 1,000"),
    ):
        read_member(archive, archive.infolist()[0], at_most(1000))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_stated_size_that_lies_is_an_error(tmp_path: Path, method: int) -> None:
    path = stating(packed(tmp_path / "a.zip", bytes(10**6), method), 24, 10)
    with open_zip(path) as archive, pytest.raises(ArchiveError, match="cannot be unpacked"):
        read_member(archive, archive.infolist()[0], at_most(1000))


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="overlap"):
        open_zip(stating(packed(tmp_path / "a.zip", b"1"), 20, 10**9))


@pytest.mark.parametrize(
    "broken", [lambda data: data[:-30], lambda data: b"", lambda data: b"PK" * 40], ids=["cut", "empty", "no zip"]
)
def test_a_damaged_zip_is_one_error(tmp_path: Path, broken: Callable[[bytes], bytes]) -> None:
    path = packed(tmp_path / "a.zip", b"content")
    path.write_bytes(broken(path.read_bytes()))
    with pytest.raises(ArchiveError):
        open_zip(path)


def test_damaged_members_are_one_error_whatever_their_method(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        path = packed(tmp_path / "a.zip", bytes(range(256)), method)
        data = bytearray(path.read_bytes())
        data[31:60] = b"\xff" * 29
        path.write_bytes(data)
        with open_zip(path) as archive, pytest.raises(ArchiveError, match="cannot be unpacked"):
            read_member(archive, archive.infolist()[0], at_most(1000))


def test_encrypted_members_and_unknown_methods_are_errors(tmp_path: Path) -> None:
    for place, value in ((8, b"\x01\x00"), (10, b"\x63\x00")):
        path = packed(tmp_path / "a.zip", b"content")
        data = bytearray(path.read_bytes())
        table = data.index(b"PK\x01\x02")
        data[table + place : table + place + 2] = value
        data[place - 2 : place] = value
        path.write_bytes(data)
        with open_zip(path) as archive, pytest.raises(ArchiveError, match="cannot be unpacked"):
            read_member(archive, archive.infolist()[0], at_most(1000))


def test_a_name_that_stands_twice() -> None:
    with pytest.raises(ArchiveError, match="holds a twice"):
        refuse_twins(["a", "b", "a"])
    refuse_twins(iter(["a", "b"]))


def test_a_zip_is_found_by_its_end(tmp_path: Path) -> None:
    """As Python does: what stands before it, a program for example, is left alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", b"content")
    path = tmp_path / "a.zip"
    path.write_bytes(b"#!/bin/sh\n" + buffer.getvalue())
    with open_zip(path) as archive:
        assert read_member(archive, archive.infolist()[0], at_most(100)) == b"content"
