"""Folders and zips of images from strangers: odd names, odd entries, and what costs more than it may."""

import io
import os
import socket
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bnnaudit.core.errors import DataError
from bnnaudit.core.file_limits import FOLDER_DEPTH
from bnnaudit.core.threat import Box
from bnnaudit.data import open_source, take_sample
from tests.data.conftest import Facts

NAMES = [f"{label}/{number}.png" for label in range(10) for number in range(2)]


def png(grey: int = 7, size: tuple[int, int] = (4, 4)) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full(size, grey, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def zip_of(path: Path, names: list[str], content: bytes | None = None, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names:
            archive.writestr(name, png() if content is None else content)
    return path


def tree(path: Path) -> Path:
    for name in NAMES:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(png())
    return path


@pytest.fixture
def sampled(facts: Facts):
    """The names and labels of a sample of 1x4x4 images."""

    def take(source: Path | str):
        sample = take_sample(open_source(str(source)), facts((1, 4, 4), box=Box(0.0, 255.0)), None, 0)
        assert sample.labels is not None
        return list(sample.names), sample.labels.tolist()

    return take


@pytest.mark.parametrize("written", ["./{}", "/{}", "{}", ".//{}", "./././{}"])
def test_names_that_are_written_in_other_ways(tmp_path: Path, sampled, written: str) -> None:
    path = zip_of(tmp_path / "a.zip", [written.format(name.replace("/", "//")) for name in NAMES])
    assert sampled(path) == (NAMES, [label for label in range(10) for _ in range(2)])


def test_names_that_lead_outside_are_left_out(tmp_path: Path, sampled) -> None:
    path = zip_of(tmp_path / "a.zip", [*NAMES, "../../x/y.png", "3/../../z.png"])
    assert sampled(path)[0] == NAMES


@pytest.mark.parametrize("twin", ["0/0.png", "./0//0.png", "/0/0.png"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name(tmp_path: Path, twin: str) -> None:
    with pytest.raises(DataError, match=r"0/0\.png twice"):
        open_source(str(zip_of(tmp_path / "a.zip", [*NAMES, twin])))


@pytest.mark.parametrize("name", ["a/" * 32_000 + "x.png", "a/" * 30_000, "a/" * FOLDER_DEPTH.most + "x.png"])
def test_zips_of_folders_in_folders(tmp_path: Path, name: str) -> None:
    path = zip_of(tmp_path / "a.zip", [*NAMES, name])
    start = time.process_time()
    with pytest.raises(DataError, match="nests"):
        open_source(str(path))
    assert time.process_time() - start < 5


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_entries_of_any_method(tmp_path: Path, sampled, method: int) -> None:
    path = zip_of(tmp_path / "a.zip", NAMES, png(), method)
    assert sampled(path)[0] == NAMES
    data = bytearray(path.read_bytes())
    data[38:70] = b"\xff" * 32
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"0/0\.png cannot be unpacked"):
        sampled(path)


def test_an_entry_that_unpacks_to_far_more_than_an_image(tmp_path: Path, sampled) -> None:
    path = zip_of(tmp_path / "a.zip", NAMES[::2], png() + bytes(10**7), zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="unpacks to 10,000,"):
        sampled(path)


def test_class_folders_of_thousands_of_digits_are_ordered_by_value(tmp_path: Path, sampled) -> None:
    names = [f"{'1' * 4990}{name}" for name in NAMES if not name.startswith("9")] + ["9/a.png", "9/b.png"]
    assert sampled(zip_of(tmp_path / "a.zip", names))[0] == ["9/a.png", "9/b.png", *names[:-2]]


def test_class_folders_in_other_digits(tmp_path: Path, sampled) -> None:
    names = [f"{chr(0x660 + label)}{digit}/a.png" for label in range(5) for digit in "01"]
    assert sampled(zip_of(tmp_path / "a.zip", names))[0] == names


def test_hundred_thousand_entries_take_seconds(tmp_path: Path) -> None:
    path = zip_of(tmp_path / "a.zip", [f"{number % 10}/{number}.png" for number in range(100_000)], b"")
    start = time.process_time()
    assert len(open_source(str(path))) == 100_000
    assert time.process_time() - start < 20


def test_what_is_no_file_among_images_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tree(tmp_path / "pipe") / "0" / "p.png")
    (tree(tmp_path / "device") / "0" / "p.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tree(tmp_path / "socket") / "0" / "p.png"))
        for name in ("pipe", "device", "socket"):
            with pytest.raises(DataError, match=r"p\.png: not a file"):
                open_source(str(tmp_path / name))


@pytest.mark.parametrize("to", ["nowhere.png", "p.png"])
def test_links_to_nothing_and_to_themselves(tmp_path: Path, to: str) -> None:
    (tree(tmp_path) / "0" / "p.png").symlink_to(to)
    with pytest.raises(DataError, match=r"p\.png: cannot be read"):
        open_source(str(tmp_path))


def test_links_to_files_are_followed_and_loops_of_folders_are_not(tmp_path: Path, sampled) -> None:
    folder = tree(tmp_path / "data")
    (tmp_path / "store.png").write_bytes(png())
    (folder / "0" / "0.png").unlink()
    (folder / "0" / "0.png").symlink_to(tmp_path / "store.png")
    (folder / "0" / "up").symlink_to("..")
    assert sampled(folder)[0] == NAMES


def test_names_that_are_no_utf_8(tmp_path: Path, sampled) -> None:
    folder = tree(tmp_path / "data")
    (folder / "0" / "0.png").rename(os.fsdecode(os.fsencode(folder) + b"/0/\xff.png"))
    (folder / "9").rename(os.fsdecode(os.fsencode(folder) + b"/9\xfe"))
    names, _ = sampled(folder)
    assert names[:2] == ["0/1.png", "0/\\xff.png"]
    assert names[-1] == "9\\xfe/1.png"
    "".join(names).encode()


def test_files_and_folders_that_may_not_be_read(tmp_path: Path, sampled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions do not bind every user that runs tests."""
    folder = tree(tmp_path)

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(DataError, match=r"0/0\.png: cannot be read \(Permission denied\)"):
            sampled(folder)

    def scan(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", scan)
    with pytest.raises(DataError, match=r"cannot be read \(Permission denied\)"):
        open_source(str(folder))


def test_a_huge_file_is_not_read(tmp_path: Path, sampled) -> None:
    with (tree(tmp_path) / "0" / "0.png").open("ab") as stream:
        stream.truncate(10**11)
    with pytest.raises(DataError, match="100,000,000,000 bytes, more than"):
        sampled(tmp_path)


def test_folders_deeper_than_any_path(tmp_path: Path) -> None:
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(1200):
            os.mkdir("a")  # noqa: PTH102 - from where we are, for no path is so long
            os.chdir("a")
        start = time.process_time()
        with pytest.raises(DataError, match="deep"):
            open_source(str(tmp_path))
        assert time.process_time() - start < 5
    finally:
        for _ in range(1200):
            os.chdir("..")
            if Path.cwd() == tmp_path:
                break
            os.rmdir("a") if os.path.isdir("a") else None  # noqa: PTH106, PTH112
        os.chdir(here)
